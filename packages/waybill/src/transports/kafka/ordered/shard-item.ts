import type { WireMessage } from '../../../message/wire-message.ts'

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
