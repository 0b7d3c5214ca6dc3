import type { Runtime } from '../runtime/runtime.ts'
import { DiscouragedUses } from './discouraged-uses.ts'
import { ENTITY_LIMITS, type EntityLimits } from './entity-limits.ts'
import { PublisherGate, type Block } from './publisher-gate.ts'
import { Publishing } from './publishing.ts'
import { QueueNumbers } from './queue-numbers.ts'
import { ResidentMemory } from './resident-memory.ts'
import type { MessageLog, RecoveredLog } from './store/message-log.ts'
import { Turns } from './turns.ts'

export interface BrokerOptions {
  readonly runtime: Runtime
  /** Where messages and definitions are kept; in memory alone when absent. */
  readonly recovered?: RecoveredLog
  /** Bytes of messages in memory alone above which publishers are held back. Default 256 MiB. */
  readonly memoryHighWaterBytes?: number
  readonly limits?: Partial<EntityLimits>
}

export interface BrokerSignals {
  /** Publishers are to stop for this reason, or may go on. */
  gated(block: Block | undefined): void
  failed(error: Error): void
  /** Somebody does what newer RabbitMQ refuses. */
  discouraged(text: string): void
}

/** Published bytes that wait for the disk, above which publishers are held back; they go on below half. The log itself refuses at 64 MiB. */
const LOG_HIGH_WATER_BYTES = 32 * 1024 * 1024

/** What all virtual hosts of a broker share. */
export interface SharedParts {
  readonly runtime: Runtime
  readonly log: MessageLog | undefined
  readonly memory: ResidentMemory
  readonly gate: PublisherGate
  readonly turns: Turns
  readonly publishing: Publishing
  readonly numbers: QueueNumbers
  readonly discouraged: DiscouragedUses
  readonly limits: EntityLimits
  readonly fail: (error: Error) => void
}

export function sharedParts(options: BrokerOptions, signals: BrokerSignals): SharedParts {
  const { runtime, recovered, memoryHighWaterBytes } = options
  const log = recovered?.log
  const fail = (error: Error): void => signals.failed(error)
  const gate = new PublisherGate((block) => signals.gated(block))
  const memory = new ResidentMemory((blocked) => gate.set('memory', blocked), memoryHighWaterBytes)
  const publishing = new Publishing(runtime, log, {
    wrote: (pending) => {
      if (pending > LOG_HIGH_WATER_BYTES) gate.set('log', true)
    },
    synced: (pending) => {
      if (pending < LOG_HIGH_WATER_BYTES / 2) gate.set('log', false)
    },
    fail,
  })
  const discouraged = new DiscouragedUses((text) => signals.discouraged(text))
  const [turns, numbers] = [new Turns(runtime), new QueueNumbers()]
  const limits = { ...ENTITY_LIMITS, ...options.limits }
  return { runtime, log, memory, gate, turns, publishing, numbers, discouraged, limits, fail }
}
