import type { WireMessage } from '../../message/wire-message.ts'
import type { Delivery, Settlement } from '../transport.ts'
import type { GateEntry } from './key-queue.ts'

/** Who handed it out, and takes its settlement: the owner of a shard. */
export interface DeliveryOwner<Item> {
  readonly shard: number
  /** Larger than that of every earlier owner. */
  readonly fencing: number
  /** Deliveries that the application has. */
  handed: number
  settle(delivery: OrderedDelivery<Item>, settlement: Settlement): void
  /** Let through by the gate but not to the application, which it will not reach: it is its next owner's. */
  forget(): void
}

/** What is known of a delivery when it is handed out. */
export interface Seen {
  readonly message: WireMessage
  /** How often it was handed out, this time included, where that is known. */
  readonly deliveryCount: number | undefined
  /** Where the engine says so itself. Default: whether it was handed out before, by its count. */
  readonly redelivered?: boolean
  /** In the channel, where it has one. */
  readonly position?: string | undefined
}

/**
 * A delivery of an ordered subscription. Only the subscription reads more than the seam shows.
 *
 * @typeParam Item what its engine keeps of a message of a shard
 */
export class OrderedDelivery<Item> implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean | undefined
  readonly deliveryCount: number | undefined
  readonly shard: number
  readonly position?: string
  readonly fencing: number
  readonly owner: DeliveryOwner<Item>
  readonly entry: GateEntry<Item>
  settled = false

  constructor(entry: GateEntry<Item>, owner: DeliveryOwner<Item>, seen: Seen) {
    this.message = seen.message
    this.deliveryCount = seen.deliveryCount
    this.redelivered = seen.redelivered ?? (seen.deliveryCount === undefined ? undefined : seen.deliveryCount > 1)
    this.shard = owner.shard
    if (seen.position !== undefined) this.position = seen.position
    this.fencing = owner.fencing
    this.owner = owner
    this.entry = entry
  }
}
