import type { WireMessage } from '../../../message/wire-message.ts'
import type { Delivery } from '../../../transport/transport.ts'
import type { AcquiredRecord } from './share-reader.ts'

/** A delivery of a share group. Only the subscription reads more than the seam shows. */
export class ShareDelivery implements Delivery {
  readonly message: WireMessage
  readonly deliveryCount: number
  readonly shard: number
  readonly position?: string
  readonly acquired: AcquiredRecord
  /** The life of the subscription that received it. */
  readonly life: number
  settled = false

  /** @param position none for a retry: it lies elsewhere than in the channel */
  constructor(
    message: WireMessage,
    deliveryCount: number,
    acquired: AcquiredRecord,
    life: number,
    position: string | undefined,
  ) {
    this.message = message
    this.deliveryCount = deliveryCount
    this.shard = acquired.from.partition
    if (position !== undefined) this.position = position
    this.acquired = acquired
    this.life = life
  }

  /** A broker that was killed has forgotten whom it had given a record to, and counts anew. */
  get redelivered(): true | undefined {
    return this.deliveryCount > 1 ? true : undefined
  }
}
