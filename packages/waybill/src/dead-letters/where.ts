import type { AnyContracted } from '../contract/contract.ts'
import { asText } from '../message/as-error.ts'
import type { DeadLetterReason } from '../message/failure.ts'
import type { DeadLetter } from './dead-letter.ts'

/** Which dead letters: those that match everything that is given. `{}` is all of them. */
export interface DeadLetterWhere<M extends AnyContracted = AnyContracted> {
  readonly id?: string | readonly string[]
  readonly type?: string | readonly string[]
  readonly key?: string | readonly string[]
  readonly reason?: DeadLetterReason | readonly DeadLetterReason[]
  /** Name or code of the error of the last try: `TypeError`, `E_CARD`. */
  readonly error?: string | readonly string[]
  /** Text in the detail, or in the message of a failed try; large and small letters are the same. */
  readonly text?: string
  /** Died at this instant or later; died before this one. Letters without a time match neither. */
  readonly diedSince?: Date
  readonly diedBefore?: Date
  /** Default both, except in `redrive`, where it is `false`. */
  readonly parked?: boolean
  /** Asked of each letter that matches the rest. One that throws ends what was begun. */
  readonly match?: (letter: DeadLetter<M>) => boolean | Promise<boolean>
}

export type Matches<M extends AnyContracted> = (letter: DeadLetter<M>) => boolean | Promise<boolean>

const KNOWN = ['id', 'type', 'key', 'reason', 'error', 'text', 'diedSince', 'diedBefore', 'parked', 'match']

/** @throws {TypeError} for a condition that there is not, so that a misspelt one does not match everything */
export function matching<M extends AnyContracted>(where: DeadLetterWhere<M>): Matches<M> {
  for (const [name, value] of Object.entries(where)) checkCondition(name, value)
  const tests: ((letter: DeadLetter<M>) => boolean)[] = []
  const oneOf = (
    wanted: string | readonly string[] | undefined,
    of: (letter: DeadLetter<M>) => readonly string[],
  ): void => {
    if (wanted === undefined) return
    const set = new Set(typeof wanted === 'string' ? [wanted] : wanted)
    tests.push((letter) => of(letter).some((each) => set.has(each)))
  }
  oneOf(where.id, ({ id }) => [id])
  oneOf(where.type, ({ type }) => [type])
  oneOf(where.key, ({ key }) => (key === undefined ? [] : [key]))
  oneOf(where.reason, ({ reason }) => (reason === undefined ? [] : [reason]))
  oneOf(where.error, (letter) => errorOf(letter))
  const { text, diedSince, diedBefore, parked, match } = where
  if (text !== undefined) tests.push((letter) => contains(letter, text.toLowerCase()))
  if (diedSince !== undefined) tests.push(({ diedAt }) => diedAt !== undefined && diedAt >= diedSince)
  if (diedBefore !== undefined) tests.push(({ diedAt }) => diedAt !== undefined && diedAt < diedBefore)
  if (parked !== undefined) tests.push((letter) => (letter.parked !== undefined) === parked)
  return (letter) => tests.every((test) => test(letter)) && (match === undefined || match(letter))
}

function errorOf({ failures }: DeadLetter): readonly string[] {
  const last = failures.at(-1)
  if (last === undefined) return []
  return last.code === undefined ? [last.name] : [last.name, last.code]
}

function contains({ detail, failures }: DeadLetter, wanted: string): boolean {
  return [detail, ...failures.map(({ message }) => message)].some((each) => asText(each).toLowerCase().includes(wanted))
}

function checkCondition(name: string, value: unknown): void {
  if (!KNOWN.includes(name)) throw new TypeError(`where: there is no condition ${name}; there are ${KNOWN.join(', ')}`)
  if (name === 'text' && value === '') throw new TypeError('where: text is empty, and would be in every letter')
  const isDate = name === 'diedSince' || name === 'diedBefore'
  if (isDate && value !== undefined && !(value instanceof Date && Number.isFinite(value.getTime())))
    throw new TypeError(`where: ${name} must be a date`)
}
