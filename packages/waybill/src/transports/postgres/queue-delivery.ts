import type { WireMessage } from '../../message/wire-message.ts'
import type { Delivery } from '../../transport/transport.ts'
import { shardOf } from '../../message/shard.ts'
import type { Channel } from '../../transport/channel.ts'
import { positionOf } from './group-start.ts'
import { messageOf, type StoredMessage } from '../../message/stored-message.ts'

/** A row of the queue; bigints are text. */
export interface QueueRow extends StoredMessage {
  readonly id: string
  readonly due: string
  readonly count: number
  /** Of the transaction that stored it, where the channel keeps history. */
  readonly xact: string | null
}

/** A delivery of an unordered group. Only the subscription that handed it out reads more than the seam shows. */
export class QueueDelivery implements Delivery {
  readonly message: WireMessage
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly shard: number
  readonly position?: string
  readonly id: number
  /** Which life of its subscription it belongs to; a reconnect begins another. */
  readonly life: number
  settled = false

  constructor(row: QueueRow, channel: Channel, life: number) {
    this.message = messageOf(row)
    this.deliveryCount = row.count
    this.redelivered = row.count > 1
    this.shard = shardOfMessage(channel, this.message)
    if (row.xact !== null) this.position = positionOf(row.xact, row.id)
    this.id = Number(row.id)
    this.life = life
  }
}

/** A message without a key lies in shard 0. */
export function shardOfMessage({ shards }: Channel, { key }: WireMessage): number {
  return key === undefined ? 0 : shardOf(key, shards)
}
