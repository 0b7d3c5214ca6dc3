import type { WireMessage } from '../../../message/wire-message.ts'

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
