import type { WireMessage } from '../../message/wire-message.ts'
import type { Delivery } from '../../transport/transport.ts'
import type { AmqpDelivery } from './engine.ts'

/** A delivery of one queue. Only the subscription that handed it out reads more than the seam shows. */
export class QueueDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly deliveryCount: number | undefined
  readonly shard: number
  /** Valid on the consumer of `life` alone. */
  readonly tag: number
  /** Which life of its subscription it belongs to; a reconnect begins another. */
  readonly life: number
  settled = false

  constructor(from: AmqpDelivery, shard: number, life: number) {
    this.message = from.message
    this.redelivered = from.redelivered
    this.deliveryCount = from.deliveryCount
    this.shard = shard
    this.tag = from.tag
    this.life = life
  }
}
