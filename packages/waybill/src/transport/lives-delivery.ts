import type { WireMessage } from '../message/wire-message.ts'
import type { Delivery } from './transport.ts'

/** A delivery of a subscription that leaves nothing behind: it is this process's alone, until it is settled. */
export class LocalDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean = false
  readonly deliveryCount: number = 1
  readonly shard: number
  readonly position?: string
  readonly life: number
  settled = false

  constructor(message: WireMessage, shard: number, life: number, position?: string) {
    this.message = message
    this.shard = shard
    this.life = life
    if (position !== undefined) this.position = position
  }
}
