// Going through the dead letters of a group: what the visitor asks and what the engine is told.
import type { WireMessage } from '../message/wire-message.ts'

export interface DeadLetterVisit {
  /** Letters at most, from 1; what there was when the visit began is the other bound. */
  readonly limit: number
  /** Letters shown at a time at most, from 1: they are what the visit keeps in memory. */
  readonly batch: number
  /**
   * Says what becomes of `letters`, in their order; called once at a time, and again when what it said is done. Of fewer
   * decisions than letters, the rest is kept and the visit ends. What it throws ends the visit, which rejects with it, and
   * of these letters nothing changes.
   */
  decide(letters: readonly WireMessage[]): Promise<readonly DeadLetterDecision[]>
}

/** Whatever a dead letter turns into is stored before the letter goes: a crash in between leaves both, and loses none. */
export type DeadLetterDecision =
  /** As if it had not been looked at: neither moved nor counted, however often. */
  | { readonly action: 'keep' }
  | { readonly action: 'remove' }
  /**
   * Hands out `message` to the group it died in and to no other, as it is given; letters of one visit in their order, and
   * on an ordered group behind unsettled ones of its key.
   */
  | { readonly action: 'redrive'; readonly message: WireMessage }
  /** `message` is the dead letter from now on, as it is given. Its place may be behind all others. */
  | { readonly action: 'replace'; readonly message: WireMessage }
