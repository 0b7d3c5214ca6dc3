import type { WireMessage } from '../message/wire-message.ts'
import type { StoreSession } from '../store/store.ts'

/** How a message stands in the sequence of its sender, type and key. */
export interface SequenceStanding {
  /** From 1. */
  readonly number: number
  /** How many between the last that was handled here and this one were not. None for the first that is seen. */
  readonly missing: number
  /** This number, or a later one, was handled here before. */
  readonly duplicate: boolean
}

/**
 * The numbers of one sender, type and key follow each other. By type, although the events of a contract share a channel: a
 * group that handles some of its types would miss the numbers of the others.
 */
export function sequenceOf({ source, type, key }: Pick<WireMessage, 'source' | 'type' | 'key'>): string {
  return JSON.stringify([source, type, key ?? ''])
}

/** Notes in the transaction that `inbox` handles this message; `undefined` where it has no number. */
export async function observe(
  session: StoreSession,
  inbox: string,
  message: WireMessage,
): Promise<SequenceStanding | undefined> {
  const { sequence: number } = message
  if (number === undefined) return undefined
  const before = await session.observeSequence(`${inbox} ${sequenceOf(message)}`, number)
  if (before === undefined) return { number, missing: 0, duplicate: false }
  return { number, missing: Math.max(0, number - before - 1), duplicate: number <= before }
}
