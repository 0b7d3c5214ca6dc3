import type { Channel } from '../channel/channel.ts'
import type { Connection } from '../connection.ts'
import type { Durable } from '../store/message-log.ts'
import type { VirtualHost } from '../virtual-host.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import type { ChannelPublisher } from './channel-publisher.ts'
import type { SessionContext } from './session-context.ts'

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
  /** How publishes are answered, and the transaction, if the channel has selected one. */
  readonly publisher: ChannelPublisher
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
