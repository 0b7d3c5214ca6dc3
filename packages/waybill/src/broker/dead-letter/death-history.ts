// The header `x-death` (RabbitMQ, Dead Letter Exchanges): one table for each (queue, reason), newest first:
//   count l · reason S · queue S · time T · exchange S · routing-keys A of S · original-expiration S, where there was one
// and x-first-death-queue, -reason and -exchange, which never change, x-last-death-queue, -reason and -exchange, which do.
import { TypedField, plainValue, type FieldTable, type FieldValue } from '../wire/field-table.ts'
import type { DeathReason } from './death-reason.ts'

export interface Death {
  readonly queue: string
  readonly reason: DeathReason
  /** Milliseconds since the epoch. */
  readonly time: number
  /** Where the message had been published. */
  readonly exchange: string
  /** The key it was published with, and those of its header CC. */
  readonly routingKeys: readonly string[]
  /** Its `expiration`, which it loses. */
  readonly expiration: string | undefined
}

/** Deaths that are remembered. A message that died in so many queues, of which nobody has rejected it, goes no further. */
const MOST_DEATHS = 128

/** `headers` with one more death. */
export function withDeath(headers: FieldTable, death: Death): FieldTable {
  const history = historyOf(headers)
  const same = history.find((entry) => isDeath(entry, death.queue, death.reason))
  const entry: FieldTable =
    same === undefined ? firstEntry(death) : { ...same, count: TypedField.long('l', countOf(same) + 1n) }
  return {
    ...headers,
    ...(headers['x-death'] === undefined ? deathAs('first', death) : {}),
    ...deathAs('last', death),
    'x-death': [entry, ...history.filter((other) => other !== same)].slice(0, MOST_DEATHS),
  }
}

function deathAs(which: 'first' | 'last', { exchange, queue, reason }: Death): FieldTable {
  return {
    [`x-${which}-death-exchange`]: exchange,
    [`x-${which}-death-queue`]: queue,
    [`x-${which}-death-reason`]: reason,
  }
}

/** Whether the message would come to `queue` again although nobody has rejected it on the way: it would go round for ever. */
export function isCircle(headers: FieldTable, queue: string): boolean {
  const history = historyOf(headers)
  for (const entry of history) {
    if (entry['reason'] === 'rejected') return false
    if (entry['queue'] === queue) return true
  }
  return history.length >= MOST_DEATHS
}

function firstEntry(death: Death): FieldTable {
  return {
    count: TypedField.long('l', 1n),
    reason: death.reason,
    queue: death.queue,
    time: TypedField.long('T', BigInt(Math.floor(death.time / 1_000))),
    exchange: death.exchange,
    'routing-keys': death.routingKeys,
    ...(death.expiration === undefined ? {} : { 'original-expiration': death.expiration }),
  }
}

/** What an ordinary client may have put there instead is passed over. */
function historyOf(headers: FieldTable): readonly FieldTable[] {
  const history = headers['x-death']
  return Array.isArray(history) ? (history as readonly FieldValue[]).filter(isTable) : []
}

function isTable(value: FieldValue): value is FieldTable {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof TypedField)
  )
}

function isDeath(entry: FieldTable, queue: string, reason: DeathReason): boolean {
  return entry['queue'] === queue && entry['reason'] === reason
}

function countOf(entry: FieldTable): bigint {
  const count = plainValue(entry['count'])
  return typeof count === 'number' && Number.isSafeInteger(count) ? BigInt(count) : 0n
}
