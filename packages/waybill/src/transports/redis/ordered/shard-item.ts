import type { WireMessage } from '../../../message/wire-message.ts'

/** What a shard's stream, its lane, or its stream of what came back from the dead letters holds. */
export interface ShardItem {
  /** As it is handed out; replaced by the next attempt before that is copied. */
  message: WireMessage
  readonly from: 'main' | 'lane' | 'again'
  /** In its stream. */
  readonly id: string
  /** Unknown of what a former owner left in the lane, and of what came back. */
  readonly deliveryCount: number | undefined
  /** Its copy took its place: there is nothing to be done with. */
  isMoved?: boolean
}
