import type { WireMessage } from '../../../message/wire-message.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import type { Delivery, Settlement } from '../../../transport/transport.ts'

/** What a shard's consumers deliver. */
export interface ShardItem {
  /** As it is handed out; replaced by the next attempt before that is copied. */
  message: WireMessage
  readonly from: 'main' | 'lane' | 'again'
  /** Its sequence in its stream. */
  readonly sequence: number
  /** Where it is settled. */
  readonly reply: string
  /** Unknown of what a former owner left in the lane, and of what came back from the dead letters. */
  readonly deliveryCount: number | undefined
  /** Of what came back: the sequence at which it did, which its copies in the lane keep. */
  readonly again?: number | undefined
}

/** Who handed it out, and takes its settlement. */
export interface DeliveryOwner {
  readonly shard: number
  /** Larger than that of every earlier owner. */
  readonly token: number
  /** Deliveries that the application has. */
  handed: number
  settle(delivery: OrderedDelivery, settlement: Settlement): void
  /** Handed out by the gate but not to the application, which it will not reach: it returns with the consumer. */
  forget(): void
}

/** A delivery of an ordered subscription. Only the subscription reads more than the seam shows. */
export class OrderedDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean | undefined
  readonly deliveryCount: number | undefined
  readonly shard: number
  readonly position?: string
  readonly fencing: number
  readonly owner: DeliveryOwner
  readonly entry: GateEntry<ShardItem>
  settled = false

  constructor(entry: GateEntry<ShardItem>, item: ShardItem, owner: DeliveryOwner) {
    this.message = item.message
    this.deliveryCount = item.deliveryCount
    this.redelivered = item.deliveryCount === undefined ? undefined : item.deliveryCount > 1
    this.shard = owner.shard
    if (item.from === 'main') this.position = String(item.sequence)
    this.fencing = owner.token
    this.owner = owner
    this.entry = entry
  }
}
