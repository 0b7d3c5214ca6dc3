// What the books say in the end: where every order went, and whether one was lost.
import type { Fact, Step } from './ledger.ts'

export interface Verdict {
  readonly attempted: number
  readonly confirmed: number
  readonly steps: Readonly<Record<Step, number>>
  readonly dead: readonly { readonly where: string; readonly why: string; readonly count: number }[]
  /** Steps handled more than once: at-least-once delivery at work. */
  readonly duplicates: number
  /** Sent, but the broker's answer never came (the process was killed in between). */
  readonly unknown: readonly string[]
  /** Confirmed, and neither told to the customer nor in a dead-letter queue. */
  readonly lost: readonly string[]
  /** Milliseconds from the order's confirmation to the customer's message. */
  readonly latency: { readonly p50: number; readonly p99: number }
}

export function verdictOf(facts: readonly Fact[]): Verdict {
  const seen = new Map<Fact['fact'], Map<string, number>>()
  const times = new Map<Fact['fact'], Map<string, number>>()
  for (const { fact, order, at } of facts) {
    const counts = getOrMake(seen, fact)
    counts.set(order, (counts.get(order) ?? 0) + 1)
    const first = getOrMake(times, fact)
    first.set(order, Math.min(at, first.get(order) ?? Infinity))
  }
  const orders = (fact: Fact['fact']): ReadonlyMap<string, number> => seen.get(fact) ?? new Map<string, number>()
  const steps: readonly Step[] = ['placed', 'reserved', 'paid', 'shipped', 'refused', 'told']
  const confirmed = [...orders('confirmed').keys()]
  const told = times.get('told') ?? new Map<string, number>()
  const confirmedAt = times.get('confirmed') ?? new Map<string, number>()
  const latencies = confirmed.flatMap((order) => {
    const [from, to] = [confirmedAt.get(order), told.get(order)]
    return from === undefined || to === undefined ? [] : [Math.max(0, to - from)]
  })
  return {
    attempted: orders('attempted').size,
    confirmed: confirmed.length,
    steps: Object.fromEntries(steps.map((step) => [step, orders(step).size])) as Record<Step, number>, // one entry per step
    dead: deadLetters(facts),
    duplicates: steps.reduce(
      (sum, step) => sum + [...orders(step).values()].reduce((extra, count) => extra + count - 1, 0),
      0,
    ),
    unknown: [...orders('attempted').keys()].filter((order) => !orders('confirmed').has(order)),
    lost: confirmed.filter((order) => !told.has(order) && !orders('dead').has(order)),
    latency: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
  }
}

function deadLetters(facts: readonly Fact[]): Verdict['dead'] {
  const groups = new Map<string, { where: string; why: string; orders: Set<string> }>()
  for (const fact of facts) {
    if (fact.fact !== 'dead') continue
    const key = `${fact.where} ${fact.why}`
    const group = groups.get(key) ?? { where: fact.where, why: fact.why, orders: new Set<string>() }
    group.orders.add(fact.order)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ where, why, orders }) => ({ where, why, count: orders.size }))
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function getOrMake(map: Map<Fact['fact'], Map<string, number>>, key: Fact['fact']): Map<string, number> {
  const inner = map.get(key) ?? new Map<string, number>()
  map.set(key, inner)
  return inner
}
