import type { WireMessage } from '../../../message/wire-message.ts'

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
