import type { WireMessage } from '../../../message/wire-message.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import type { Delivery, Settlement } from '../../../transport/transport.ts'

/** What a shard's two partitions hold. */
export interface ShardItem {
  /** As it is handed out; replaced by the next attempt before that is copied. */
  message: WireMessage
  readonly from: 'main' | 'lane'
  readonly offset: bigint
}

/** Who handed it out, and takes its settlement. */
export interface DeliveryOwner {
  readonly shard: number
  readonly fencing: number
  /** Deliveries that the application has. */
  handed: number
  settle(delivery: OrderedDelivery, settlement: Settlement): void
  /** Let through by the gate but not handed out, which it will not be: it is read again by who owns the shard next. */
  forget(): void
}

/** A delivery of an ordered subscription. Only the subscription reads more than the seam shows. */
export class OrderedDelivery implements Delivery {
  readonly message: WireMessage
  /** A log does not say who has read it before. */
  readonly redelivered = undefined
  readonly deliveryCount = undefined
  readonly shard: number
  readonly position?: string
  readonly fencing: number
  readonly owner: DeliveryOwner
  readonly entry: GateEntry<ShardItem>
  settled = false

  constructor(entry: GateEntry<ShardItem>, item: ShardItem, owner: DeliveryOwner) {
    this.message = item.message
    this.shard = owner.shard
    this.fencing = owner.fencing
    // A lane's offsets are not the channel's.
    if (item.from === 'main') this.position = String(item.offset)
    this.owner = owner
    this.entry = entry
  }
}
