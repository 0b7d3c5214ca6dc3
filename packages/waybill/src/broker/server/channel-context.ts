import type { Channel } from '../channel/channel.ts'
import type { Connection } from '../connection.ts'
import type { Durable } from '../store/message-log.ts'
import type { VirtualHost } from '../virtual-host.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'

/** What the methods of one channel work on. */
export interface ChannelContext {
  readonly number: number
  /** Nothing is written on it any more once it is not. */
  readonly isOpen: boolean
  readonly virtualHost: VirtualHost
  readonly connection: Connection
  readonly channel: Channel
  /** Answers are written here; what the calls below wait for holds back those that follow. */
  readonly frames: FrameWriter
  readonly session: SessionContext
  /** basic.qos without `global`: for consumers that begin later. */
  prefetch: number
  /** The channel's consumer of direct replies, if it has one. */
  readonly replies: {
    consume(consumerTag: string, noAck: boolean): void
    /** `false` when the tag is not its own. */
    cancelTag(consumerTag: string): boolean
  }
  /** Something was thrown that nobody expects: the connection ends. */
  failed(error: unknown): void
  /** Publishes are confirmed from now on. */
  confirms(): void
  /** The name that a declaration gave last, which an empty name stands for. */
  lastQueue: string | undefined
  /**
   * Runs `act`, then `answer` once what it changed is stored. Meanwhile no further frame of the connection is taken up, so
   * that answers keep their order.
   */
  stored(act: (done: Durable) => void, answer: () => void): void
  /** Runs `act` in later turns of the event loop until it says that it is done; no frame is taken up meanwhile. */
  retry(act: () => boolean): void
}

/** The connection, as its channels see it. */
export interface SessionContext {
  readonly user: string
  /** Of the user: what they may do besides. */
  readonly tags: readonly string[]
  /** Largest frame that was agreed, overhead included. */
  readonly frameMax: number
  /** Octets that wait for the client to read them. */
  readonly unread: number
  /** What the client said it can do, by RabbitMQ's names. */
  can(capability: string): boolean
  /** Frames were written: they go out at the end of this turn. */
  wrote(): void
  /** Calls `write` once the answers that are pending have been written. */
  afterAnswers(write: () => void): void
  /** A name that nobody else has. */
  uniqueName(prefix: string): string
}
