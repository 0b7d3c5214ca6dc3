import type { WireMessage } from '../../../message/wire-message.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import type { Delivery, Settlement } from '../../../transport/transport.ts'

/** What a shard's partitions hold. */
export interface ShardItem {
  /** As it is handed out; replaced by the next attempt before that is copied. */
  message: WireMessage
  readonly from: 'main' | 'lane' | 'again'
  readonly offset: bigint
  /** Of what came back from the dead letters: the offset at which it did, which its copies in the lane keep. */
  readonly again?: bigint | undefined
  /** A former owner may have handed it out: it is counted before it is handed out again. */
  readonly isSuspect: boolean
  /** How often it was handed out, this time included. */
  deliveryCount: number
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
    this.fencing = owner.fencing
    // A lane's offsets are not the channel's.
    if (item.from === 'main') this.position = String(item.offset)
    this.owner = owner
    this.entry = entry
  }
}
