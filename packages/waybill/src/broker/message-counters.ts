/**
 * How many messages went which way since the queue or the channel began: a queue counts what it took in and handed out,
 * a channel what came and went through it. Plain numbers, because every message passes here.
 */
export class MessageCounters {
  published = 0
  confirmed = 0
  /** Mandatory, and no queue took them. */
  returned = 0
  /** No queue took them, and nobody wanted to know. */
  dropped = 0
  delivered = 0
  deliveredNoAck = 0
  /** Of those handed out by either way. */
  redelivered = 0
  got = 0
  gotNoAck = 0
  gotNothing = 0
  acked = 0

  handedOut(noAck: boolean, deliveryCount: number): void {
    if (noAck) this.deliveredNoAck++
    else this.delivered++
    if (deliveryCount > 1) this.redelivered++
  }

  taken(noAck: boolean, deliveryCount: number): void {
    if (noAck) this.gotNoAck++
    else this.got++
    if (deliveryCount > 1) this.redelivered++
  }

  add(other: MessageCounters): void {
    this.published += other.published
    this.confirmed += other.confirmed
    this.returned += other.returned
    this.dropped += other.dropped
    this.delivered += other.delivered
    this.deliveredNoAck += other.deliveredNoAck
    this.redelivered += other.redelivered
    this.got += other.got
    this.gotNoAck += other.gotNoAck
    this.gotNothing += other.gotNothing
    this.acked += other.acked
  }
}
