import type { Message } from '../message.ts'

/** A consumer as its queue sees it. */
export interface QueueConsumer {
  readonly noAck: boolean
  /** Those of lower priority get messages only while those of higher cannot take any. */
  readonly priority: number
  /** How many more messages it may be handed now; Infinity without a limit. */
  readonly credit: number
  /**
   * Takes one message, which stays unsettled at `position` of the queue unless `noAck`.
   *
   * @param deliveryCount how often it has been handed out, this time included
   */
  offer(position: number, message: Message, deliveryCount: number): void
  /** No more in this turn of the event loop. */
  flush(): void
  /** The queue has gone. */
  cancelled(error: Error): void
}
