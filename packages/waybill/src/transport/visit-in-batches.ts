import type { WireMessage } from '../message/wire-message.ts'
import type { DeadLetterDecision, DeadLetterVisit } from './dead-letter-visit.ts'

/** A dead letter as its engine knows it. */
export interface Letter {
  readonly message: WireMessage
}

/** What becomes of a letter that does not stay as it is. */
export interface Decided<L extends Letter> {
  readonly letter: L
  readonly decision: Exclude<DeadLetterDecision, { readonly action: 'keep' }>
}

/**
 * Goes through letters that can be read without being taken.
 *
 * @param next the letters behind those it answered last, oldest first, at most `most`; none: that was all
 * @param carryOut what becomes of some letters of a batch, in their order; none is answered for before it resolves
 */
export async function visitInBatches<L extends Letter>(
  visit: DeadLetterVisit,
  next: (most: number) => Promise<readonly L[]>,
  carryOut: (decided: readonly Decided<L>[]) => Promise<void>,
): Promise<void> {
  for (let left = visit.limit; left > 0;) {
    const letters = await next(Math.min(visit.batch, left))
    if (letters.length === 0) return
    const decisions = await visit.decide(letters.map(({ message }) => message))
    if (decisions.length > letters.length)
      throw new TypeError(`${decisions.length} decisions on ${letters.length} dead letters`)
    const decided = letters.flatMap((letter, n): Decided<L>[] => {
      const decision = decisions[n]
      return decision === undefined || decision.action === 'keep' ? [] : [{ letter, decision }]
    })
    if (decided.length > 0) await carryOut(decided)
    if (decisions.length < letters.length) return
    left -= letters.length
  }
}
