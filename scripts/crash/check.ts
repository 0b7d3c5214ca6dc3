// The judge: knows what was asked and what the books say, and nothing of how it came about. Pure.
import { isBroken, type Step } from './workload.ts'
import type { Book, Entry } from './ledger.ts'

export interface Evidence {
  readonly asked: readonly Step[]
  readonly books: Readonly<Record<Book, readonly Entry[]>>
  readonly totals: ReadonlyMap<string, number>
  /** Messages that wait somewhere although everything should be done. */
  readonly left: { readonly outbox: number; readonly deadLetters: number }
}

/** One sentence for each thing that is not as it was promised; at most so many of a kind. */
const MOST = 5

export function violationsIn({ asked, books, totals, left }: Evidence): readonly string[] {
  return [
    ...Object.entries(books).flatMap(([book, entries]) => [
      ...lostOrTwice(book, asked, entries),
      ...outOfOrder(book, entries),
    ]),
    ...wrongTotals(asked, totals),
    ...(left.outbox > 0 ? [`${left.outbox} rows are left in the outbox`] : []),
    ...(left.deadLetters > 0 ? [`${left.deadLetters} dead letters are left`] : []),
  ]
}

function lostOrTwice(book: string, asked: readonly Step[], entries: readonly Entry[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const entry of entries) counts.set(nameOf(entry), (counts.get(nameOf(entry)) ?? 0) + 1)
  const lost = asked.filter((step) => !counts.has(nameOf(step)))
  const twice = [...counts].filter(([, count]) => count > 1)
  return [
    ...lost.slice(0, MOST).map((step) => `${nameOf(step)} was never ${book}`),
    ...twice.slice(0, MOST).map(([name, count]) => `${name} was ${book} ${count} times`),
    ...(lost.length > MOST ? [`… ${lost.length} steps were never ${book}`] : []),
    ...(twice.length > MOST ? [`… ${twice.length} steps were ${book} more than once`] : []),
  ]
}

/** What was a dead letter comes when it is redriven; everything else in the order in which it was asked. */
function outOfOrder(book: string, entries: readonly Entry[]): readonly string[] {
  const highest = new Map<string, Entry>()
  const wrong: string[] = []
  for (const entry of entries) {
    if (isBroken(entry)) continue
    const before = highest.get(entry.key)
    if (before !== undefined && before.n > entry.n) wrong.push(`${nameOf(entry)} was ${book} after ${nameOf(before)}`)
    else highest.set(entry.key, entry)
  }
  return wrong.slice(0, MOST)
}

function wrongTotals(asked: readonly Step[], totals: ReadonlyMap<string, number>): readonly string[] {
  const expected = new Map<string, number>()
  for (const { key, n } of asked) expected.set(key, (expected.get(key) ?? 0) + n)
  return [...expected].flatMap(([key, total]) =>
    totals.get(key) === total ? [] : [`the total of ${key} is ${totals.get(key) ?? 'missing'}, not ${total}`],
  )
}

function nameOf({ key, n }: Step): string {
  return `${key}/${n}`
}
