import type { AnyContracted } from '../contract/contract.ts'
import { FAILURE_HEADERS } from '../message/failure.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { DeadLetterDecision } from '../transport/dead-letter-visit.ts'
import type { DeadLetter } from './dead-letter.ts'
import { throwIfAborted } from './pace.ts'
import { checkLimit, KEEP, type WalkParts } from './walk.ts'
import { matching, type DeadLetterWhere } from './where.ts'

const DEFAULT_LIMIT = 100
export const MAX_LIMIT = 10_000
/** A page ends early rather than hold more than this in bodies. */
const MAX_BYTES = 64 * 1_024 * 1_024
const BATCH = 100

export interface ListOptions<M extends AnyContracted = AnyContracted> {
  /** Letters of a page, from 1 to 10,000. Default 100. A page of more than 64 MiB of bodies ends early. */
  readonly limit?: number
  /** `after` of the page before. */
  readonly after?: string
  readonly where?: DeadLetterWhere<M>
  readonly signal?: AbortSignal
}

export interface DeadLetterPage<M extends AnyContracted = AnyContracted> {
  /** Oldest first. */
  readonly letters: readonly DeadLetter<M>[]
  /** Where the next page begins; `undefined` when there is none. It holds though letters come and go meanwhile. */
  readonly after: string | undefined
}

/** The next page: behind the letter that the last one ended with or, where that has gone, what died after it. */
export async function listed<M extends AnyContracted>(
  parts: WalkParts<M>,
  { limit = DEFAULT_LIMIT, after, where = {}, signal }: ListOptions<M>,
): Promise<DeadLetterPage<M>> {
  checkLimit(limit, MAX_LIMIT)
  const matches = matching(where)
  if (after === undefined) return (await onePage(parts, () => true, matches, limit, signal)).page
  const { id, at } = readCursor(after)
  let isBehind = false
  const behind = ({ message }: DeadLetter<M>): boolean => {
    if (isBehind) return true
    isBehind = cursorOf(message) === after
    return false
  }
  const { page, any } = await onePage(parts, behind, matches, limit, signal)
  if (any || isBehind) return page
  const later = ({ diedAt, id: other }: DeadLetter<M>): boolean => {
    const time = diedAt?.getTime() ?? 0
    return time > at || (time === at && other > id)
  }
  return (await onePage(parts, later, matches, limit, signal)).page
}

async function onePage<M extends AnyContracted>(
  { transport, runtime, group, letterOf }: WalkParts<M>,
  isBehind: (letter: DeadLetter<M>) => boolean,
  matches: ReturnType<typeof matching<M>>,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly page: DeadLetterPage<M>; readonly any: boolean }> {
  const letters: DeadLetter<M>[] = []
  let bytes = 0
  let isFull = false
  let any = false
  const decide = async (messages: readonly WireMessage[]): Promise<readonly DeadLetterDecision[]> => {
    throwIfAborted(signal)
    for (const [n, message] of messages.entries()) {
      const letter = letterOf(message)
      if (!isBehind(letter)) continue
      any = true
      if (!(await matches(letter))) continue
      isFull = letters.length === limit || (letters.length > 0 && bytes + message.body.byteLength > MAX_BYTES)
      if (isFull) return messages.slice(0, n).map(() => KEEP)
      bytes += message.body.byteLength
      // A body may be a slice of a much larger buffer.
      letters.push(letterOf({ ...message, body: Uint8Array.from(message.body) }))
    }
    return messages.map(() => KEEP)
  }
  const release = runtime.keepAlive()
  await transport
    .visitDeadLetters(group, { limit: Number.MAX_SAFE_INTEGER, batch: BATCH, decide })
    .finally(() => release())
  const last = letters.at(-1)
  return { page: { letters, after: isFull && last !== undefined ? cursorOf(last.message) : undefined }, any }
}

function cursorOf({ id, headers }: WireMessage): string {
  return `${headers[FAILURE_HEADERS.at] ?? 0}/${id}`
}

function readCursor(text: string): { readonly at: number; readonly id: string } {
  const [, at, id] = /^(\d+)\/(.*)$/s.exec(text) ?? []
  if (at === undefined || id === undefined)
    throw new TypeError(`after must be what a page said, not ${JSON.stringify(text)}`)
  return { at: Number(at), id }
}
