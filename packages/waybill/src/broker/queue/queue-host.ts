import type { Runtime } from '../../runtime/runtime.ts'
import type { Message } from '../message.ts'
import type { ResidentMemory } from '../resident-memory.ts'
import type { MessageLog } from '../store/message-log.ts'
import type { DeathReason } from '../dead-letter/death-reason.ts'

/** What one queue needs from its broker. */
export interface QueueHost {
  /** Name of the virtual host, for errors. */
  readonly vhost: string
  readonly runtime: Runtime
  /** Absent when the broker is in memory alone. */
  readonly log: MessageLog | undefined
  readonly memory: ResidentMemory
  /** Calls `run()` of the queue once in a later turn of the event loop. */
  schedule(): void
  /**
   * Moves a message that the queue still holds at `position` to where its dead letters go, then has it forget it. Without a
   * position the message is one that the queue has refused.
   */
  deadLetter(position: number | undefined, message: Message, reason: DeathReason): void
  /** The queue's last consumer or its time has gone. */
  remove(): void
  /** A read or a record failed: nothing more can be promised. */
  readonly fail: (error: Error) => void
}
