import type { WireMessage } from '../../../message/wire-message.ts'
import type { Delivery, Settlement } from '../../../transport/transport.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import type { AmqpDelivery } from '../engine.ts'

/** What a shard's two queues deliver. */
export interface ShardItem {
  /** As it is handed out; replaced by the next attempt before that is copied. */
  message: WireMessage
  readonly from: 'main' | 'lane'
  readonly amqp: AmqpDelivery
}

/** Who handed it out, and takes its settlement. */
export interface DeliveryOwner {
  readonly shard: number
  /** Its fencing token. */
  readonly fencing: number
  /** Deliveries that the application has. */
  handed: number
  settle(delivery: OrderedDelivery, settlement: Settlement): void
  /** Handed out by the gate but not to the application, which it will not reach: it returns with the consumer. */
  forget(): void
}

/** A delivery of an ordered subscription. Only the subscription reads more than the seam shows. */
export class OrderedDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly deliveryCount: number | undefined
  readonly shard: number
  readonly fencing: number
  readonly owner: DeliveryOwner
  readonly entry: GateEntry<ShardItem>
  settled = false

  constructor(entry: GateEntry<ShardItem>, item: ShardItem, owner: DeliveryOwner) {
    this.message = item.message
    this.redelivered = item.amqp.redelivered
    this.deliveryCount = item.amqp.deliveryCount
    this.shard = owner.shard
    this.fencing = owner.fencing
    this.owner = owner
    this.entry = entry
  }
}
