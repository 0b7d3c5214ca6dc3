// How clauses bring dead letters about, and go through them.
import type { WireMessage } from '../message/wire-message.ts'
import type { DeadLetterDecision } from '../transport/dead-letter-visit.ts'
import type { Group } from '../transport/transport.ts'
import type { Member } from './member.ts'
import type { Stage } from './stage.ts'

export const KEEP: DeadLetterDecision = { action: 'keep' }
export const REMOVE: DeadLetterDecision = { action: 'remove' }
export const keepAll = (): DeadLetterDecision => KEEP
export const redrive = (message: WireMessage): DeadLetterDecision => ({ action: 'redrive', message })

export interface Seen {
  /** Every letter that was shown, in the order of showing. */
  readonly letters: readonly WireMessage[]
  readonly batches: number
  /** Letters of the largest batch. */
  readonly largest: number
}

/** Sends messages with these texts, and lets each die in the group: one after another, unless the prefetch is larger. */
export async function died(
  stage: Stage,
  member: Member,
  group: Group,
  texts: readonly string[],
  { prefetch = 1 }: { readonly prefetch?: number } = {},
): Promise<readonly string[]> {
  const killing = await member.subscribe(group, {
    prefetch,
    decide: () => ({ reject: 'rejected', detail: 'to be seen' }),
  })
  const messages = texts.map((each) => stage.message(group.channel, each))
  for (let at = 0; at < messages.length; at += 500)
    await member.sendMessages(group.channel, ...messages.slice(at, at + 500))
  await killing.arrived(texts.length)
  await member.sees(group, { deadLetters: texts.length, depth: 0 })
  await killing.close(1_000)
  return texts
}

/** Goes through the dead letters; `decide` is told how many came before this one. */
export async function visiting(
  stage: Stage,
  member: Member,
  group: Group,
  decide: (letter: WireMessage, before: number) => DeadLetterDecision | Promise<DeadLetterDecision>,
  { limit = 1_000_000, batch = 100 }: { readonly limit?: number; readonly batch?: number } = {},
): Promise<Seen> {
  const letters: WireMessage[] = []
  let batches = 0
  let largest = 0
  const visit = member.transport.visitDeadLetters(group, {
    limit,
    batch,
    decide: async (shown) => {
      batches++
      largest = Math.max(largest, shown.length)
      const decisions: DeadLetterDecision[] = []
      for (const letter of shown) decisions.push(await decide(letter, letters.push(plain(letter)) - 1))
      return decisions
    },
  })
  await stage.patience.within(`visitDeadLetters() of group ${group.name}`, visit)
  return { letters, batches, largest }
}

/** Fit to be compared: an engine may give bytes and headers in objects of any class. */
function plain(letter: WireMessage): WireMessage {
  return { ...letter, headers: { ...letter.headers }, body: Uint8Array.from(letter.body) }
}
