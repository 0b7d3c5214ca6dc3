import type { WireMessage } from '../../../message/wire-message.ts'
import type { Delivery } from '../../../transport/transport.ts'

/** A delivery of a transient subscription, which has nobody to give it back to. */
export class TransientDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered = false
  readonly deliveryCount = 1
  readonly shard: number
  readonly position: string
  readonly life: number
  settled = false

  constructor(message: WireMessage, shard: number, position: string, life: number) {
    this.message = message
    this.shard = shard
    this.position = position
    this.life = life
  }
}
