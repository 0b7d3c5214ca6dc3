import type { WireMessage } from '../../message/wire-message.ts'
import type { Delivery } from '../../transport/transport.ts'

/** Where an entry lies: in the group's retries, 0, or in shard n - 1. */
export interface Place {
  readonly stream: number
  readonly id: string
}

/** A delivery of an unordered group. Only the subscription that handed it out reads more than the seam shows. */
export class RedisDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly shard: number
  readonly position?: string
  readonly place: Place
  /** Which life of its subscription it belongs to; a reconnect begins another. */
  readonly life: number
  settled = false

  constructor(message: WireMessage, shard: number, place: Place, count: number, life: number) {
    this.message = message
    this.deliveryCount = count
    this.redelivered = count > 1
    this.shard = shard
    if (place.stream > 0) this.position = place.id
    this.place = place
    this.life = life
  }
}
