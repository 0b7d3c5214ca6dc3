import type { WireMessage } from '../../../message/wire-message.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import type { Delivery, Settlement } from '../../../transport/transport.ts'

/** A row of a shard, as the gate knows it: once while it is in the main queue, and once more for each time it goes to the lane. */
export interface ShardItem {
  readonly id: number
  /** As it is handed out; replaced by the next attempt before that is written. */
  message: WireMessage
  readonly position: string | undefined
  /** A former owner may have handed it out: it is counted before it is handed out again. */
  readonly isSuspect: boolean
  /** How often it was handed out, this time included. */
  deliveryCount: number
  /** The row is another item's by now, or gone: there is nothing to acknowledge. */
  isMoved: boolean
}

/** Who handed it out, and takes its settlement. */
export interface DeliveryOwner {
  readonly shard: number
  /** Larger than that of every earlier owner. */
  readonly token: number
  /** Deliveries that the application has. */
  handed: number
  settle(delivery: OrderedDelivery, settlement: Settlement): void
  /** Handed out by the gate but not to the application, which it will not reach: the next owner finds it. */
  forget(): void
}

/** A delivery of an ordered subscription. Only the subscription reads more than the seam shows. */
export class OrderedDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly shard: number
  readonly position?: string
  readonly fencing: number
  readonly owner: DeliveryOwner
  readonly entry: GateEntry<ShardItem>
  settled = false

  constructor(entry: GateEntry<ShardItem>, item: ShardItem, owner: DeliveryOwner) {
    this.message = item.message
    this.deliveryCount = item.deliveryCount
    this.redelivered = item.deliveryCount > 1
    this.shard = owner.shard
    if (item.position !== undefined) this.position = item.position
    this.fencing = owner.token
    this.owner = owner
    this.entry = entry
  }
}
