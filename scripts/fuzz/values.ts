// Field values, tables and properties as clients send them, odd ones among them.
import { QUEUES } from '../../packages/waybill/src/broker/server/fuzz/play.test-support.ts'
import { TypedField, type FieldTable, type FieldValue } from '../../packages/waybill/src/broker/wire/field-table.ts'
import type { BasicProperties } from '../../packages/waybill/src/broker/wire/properties.ts'
import type { Dice } from './dice.ts'

export const EXCHANGES: readonly string[] = [
  '',
  'e1',
  'e2',
  'e3',
  'late',
  'amq.direct',
  'amq.topic',
  'amq.headers',
  'amq.fanout',
  'none',
]
export const KEYS: readonly string[] = ['', 'a', 'a.b', 'a.*', '#', '*.b', ...QUEUES]
export const TAGS: readonly string[] = ['', 'c1', 'c2', 'c3']
export const NUMBERS: readonly number[] = [0, 1, 2, 5, 100, 65_535]

export function queueName(dice: Dice): string | Uint8Array {
  return dice.chance(0.05) ? '' : oneOf(dice, QUEUES)
}

/** Mostly one of these; now and then octets that are no text, or as long as may be. */
export function oneOf(dice: Dice, names: readonly string[]): string | Uint8Array {
  if (dice.chance(0.98)) return dice.one(names)
  return Buffer.alloc(dice.one([1, 85, 86, 255]), dice.one([0x61, 0xff, 0xc3, 0x0a]))
}

export function queueArguments(dice: Dice): FieldTable {
  const all: readonly (readonly [string, () => FieldValue])[] = [
    ['x-queue-type', () => dice.one(['classic', 'quorum', 'quorum', 'stream'])],
    ['x-message-ttl', () => number(dice, [0, 1, 50, 60_000])],
    ['x-expires', () => number(dice, [0, 1, 40, 60_000])],
    ['x-max-length', () => number(dice, [0, 1, 3])],
    ['x-max-length-bytes', () => number(dice, [0, 10, 1_000])],
    ['x-overflow', () => dice.one(['drop-head', 'reject-publish', 'reject-publish-dlx'])],
    ['x-dead-letter-exchange', () => dice.one(['', '', ...EXCHANGES])],
    ['x-dead-letter-routing-key', () => dice.one([...KEYS, 'k'.repeat(256)])],
    ['x-single-active-consumer', () => dice.chance(0.8)],
    ['x-max-priority', () => number(dice, [0, 3, 255, 256])],
    ['x-delivery-limit', () => number(dice, [-1, 0, 2])],
    ['x-unknown', () => value(dice, 0)],
  ]
  const most = dice.one([0, 0, 1, 2, 3])
  return Object.fromEntries(Array.from({ length: most }, () => dice.one(all)).map(([name, make]) => [name, make()]))
}

export function properties(dice: Dice): BasicProperties {
  const some = <T>(probability: number, make: () => T): T | undefined => (dice.chance(probability) ? make() : undefined)
  return {
    deliveryMode: some(0.8, () => dice.one([1, 2, 2, 3])),
    contentType: some(0.1, () => 'text/plain'),
    headers: some(0.4, () => headers(dice)),
    messageId: some(0.05, () => '\0'.repeat(255)),
    priority: some(0.2, () => dice.below(256)),
    correlationId: some(0.1, () => 'id'),
    replyTo: some(0.1, () => dice.one(['amq.rabbitmq.reply-to', 'q1'])),
    expiration: some(0.2, () => dice.one(['0', '1', '50', '60000', 'never', '-1'])),
    timestamp: some(0.1, () => 1_800_000_000),
    userId: some(0.05, () => dice.one(['guest', 'other'])),
    appId: some(0.1, () => 'fuzz'),
  }
}

function headers(dice: Dice): FieldTable {
  const table: Record<string, FieldValue> = {}
  for (let left = dice.below(4); left > 0; left--)
    table[dice.one(['h', 'a', 'x-death', 'x-delay', 'x-first-death-queue'])] = value(dice, 0)
  if (dice.chance(0.15)) table['CC'] = dice.one<FieldValue>([[], ['q1', 'a'], ['q2', 'q2'], 'q1', null])
  if (dice.chance(0.15)) table['BCC'] = dice.one<FieldValue>([['q3'], ['dead', 'amq.rabbitmq.reply-to.x'], true])
  if (dice.chance(0.1)) table['x-delay'] = number(dice, [-1, 0, 1, 40])
  return table
}

export function value(dice: Dice, depth: number): FieldValue {
  const makers: readonly (() => FieldValue)[] = [
    () => 'text',
    () => dice.chance(0.5),
    () => null,
    () => dice.octets(3),
    () => number(dice, NUMBERS),
    () => TypedField.long('T', 1_800_000_000n),
    () => TypedField.number('d', 0.5),
    () => TypedField.bytes('D', dice.octets(5)),
    () => (depth < 3 ? [value(dice, depth + 1), value(dice, depth + 1)] : null),
    () =>
      depth < 3 ? { a: value(dice, depth + 1), queue: 'q1', reason: 'expired', count: number(dice, NUMBERS) } : null,
  ]
  return dice.one(makers)()
}

export function number(dice: Dice, choices: readonly number[]): FieldValue {
  const chosen = dice.one(choices)
  if (chosen > 2 ** 31 || dice.chance(0.3)) return TypedField.long('l', BigInt(chosen))
  return chosen < 128 && dice.chance(0.3) ? TypedField.number('b', chosen) : TypedField.number('I', chosen)
}
