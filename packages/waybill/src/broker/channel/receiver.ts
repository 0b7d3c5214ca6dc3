import type { Message } from '../message.ts'

/** Where a consumer's messages go. Called in bursts, in the order of the queue. */
export interface Receiver {
  /**
   * @param tag delivery tag, valid on the channel alone
   * @param deliveryCount how often it has been handed out, this time included; above 1 it is a redelivery
   */
  receive(tag: number, message: Message, deliveryCount: number): void
  /** The burst is over: write, or hand on, what has been received. */
  flush(): void
  /** The broker ended the consumer: its queue has gone. */
  cancelled(error: Error): void
}
