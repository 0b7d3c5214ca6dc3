import { describe, expect, test } from 'vitest'
import { ReplyError } from '../reply-error.ts'
import { TypedField, type FieldTable, type FieldValue, type NumberLetter } from '../wire/field-table.ts'
import { readConsumerPriority } from './consumer-priority.ts'
import { MAX_LIFE_MS, readExpiration } from './lifetime.ts'
import { readQueueArguments } from './queue-arguments.ts'
import { requireEqualQueue, type QueueArguments, type QueueDefinition } from './queue-definition.ts'

const FLAGS = { durable: true, exclusive: false, autoDelete: false }
const number = (value: number, letter: NumberLetter = 'I'): TypedField => TypedField.number(letter, value)
const long = (value: bigint): TypedField => TypedField.long('l', value)
const read = (table: FieldTable, flags: Partial<typeof FLAGS> = {}): QueueArguments =>
  readQueueArguments('orders', table, { ...FLAGS, ...flags }, '/')
/** What `act` is refused with: `code text`. */
function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof ReplyError) return `${error.replyCode} ${error.replyText}`
    throw error
  }
  return 'none'
}

describe('readQueueArguments()', () => {
  test('reads them all, and passes over what it does not know', () => {
    expect(
      read({
        'x-message-ttl': number(0),
        'x-expires': number(1),
        'x-max-length': number(0),
        'x-max-length-bytes': number(10),
        'x-overflow': 'reject-publish-dlx',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
        'x-dead-letter-strategy': 'at-least-once',
        'x-single-active-consumer': true,
        'x-max-priority': number(255),
        'x-queue-type': 'classic',
        'x-queue-mode': 'lazy',
        'x-anything': number(1),
      }),
    ).toEqual({
      messageTtlMs: 0,
      expiresMs: 1,
      maxLength: 0,
      maxLengthBytes: 10,
      overflow: 'reject-publish-dlx',
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
      singleActiveConsumer: true,
      maxPriority: 255,
    })
  })

  test('takes whole numbers of any width', () => {
    for (const field of [number(7, 'b'), number(7, 'B'), number(7, 's'), number(7, 'u'), number(7, 'i'), long(7n)]) {
      expect(read({ 'x-message-ttl': field })).toEqual({ messageTtlMs: 7 })
    }
    expect(read({ 'x-message-ttl': long(BigInt(MAX_LIFE_MS)) })).toEqual({ messageTtlMs: MAX_LIFE_MS })
  })

  test('what is the default is as good as absent', () => {
    expect(read({ 'x-queue-type': 'classic', 'x-overflow': 'drop-head', 'x-single-active-consumer': false })).toEqual(
      {},
    )
  })

  test('names queue and argument of what it refuses', () => {
    const refused: readonly (readonly [string, FieldValue])[] = [
      ['x-message-ttl', number(-1)],
      ['x-message-ttl', '10'],
      ['x-message-ttl', number(10, 'd')],
      ['x-message-ttl', TypedField.long('T', 10n)],
      ['x-message-ttl', true],
      ['x-message-ttl', null],
      ['x-message-ttl', long(BigInt(MAX_LIFE_MS) + 1n)],
      ['x-expires', number(0)],
      ['x-expires', number(-1)],
      ['x-expires', long(BigInt(MAX_LIFE_MS) + 1n)],
      ['x-max-length', number(-1)],
      ['x-max-length-bytes', 'x'],
      ['x-overflow', 'bad'],
      ['x-overflow', number(1)],
      ['x-dead-letter-exchange', number(1)],
      ['x-dead-letter-routing-key', 'without an exchange'],
      ['x-single-active-consumer', 'yes'],
      ['x-max-priority', number(256)],
      ['x-max-priority', number(-1)],
      ['x-queue-type', 'stream'],
      ['x-queue-type', 'bad'],
      ['x-queue-type', number(1)],
      ['x-delivery-limit', number(3)],
      ['x-queue-mode', 'unheard-of'],
      ['x-queue-version', number(3)],
      ['x-dead-letter-strategy', 'bad'],
    ]
    for (const [argument, value] of refused) {
      expect(refusal(() => read({ [argument]: value }))).toMatch(
        `406 PRECONDITION_FAILED - invalid arg '${argument}' for queue 'orders' in vhost '/': `,
      )
    }
  })

  test('of a quorum queue have a delivery limit, its own or RabbitMQ 4.0s', () => {
    expect(read({ 'x-queue-type': 'quorum' })).toEqual({ queueType: 'quorum', deliveryLimit: 20 })
    for (const limit of [-2, -1, 0, 1_000_000]) {
      expect(read({ 'x-queue-type': 'quorum', 'x-delivery-limit': number(limit) }).deliveryLimit).toBe(limit)
    }
  })

  test('of a quorum queue do not go with what it cannot be', () => {
    const quorum: FieldTable = { 'x-queue-type': 'quorum' }
    expect(refusal(() => read(quorum, { durable: false }))).toMatch(
      "406 PRECONDITION_FAILED - invalid property 'non-dur",
    )
    expect(refusal(() => read(quorum, { exclusive: true }))).toMatch("'exclusive' for queue 'orders'")
    expect(refusal(() => read(quorum, { autoDelete: true }))).toMatch("'auto-delete' for queue 'orders'")
    expect(refusal(() => read({ ...quorum, 'x-max-priority': number(1) }))).toMatch("'x-max-priority'")
  })
})

describe('requireEqualQueue()', () => {
  const definition = (queueArguments: QueueArguments = {}, flags: Partial<typeof FLAGS> = {}): QueueDefinition => ({
    name: 'orders',
    ...FLAGS,
    ...flags,
    arguments: queueArguments,
  })

  test('names queue, argument, and both values', () => {
    const existing = definition({ messageTtlMs: 10, deadLetterExchange: 'dead' })
    const difference = (declared: QueueDefinition): string => refusal(() => requireEqualQueue(existing, declared, '/'))
    expect(difference({ ...existing })).toBe('none')
    expect(difference(definition({ messageTtlMs: 20, deadLetterExchange: 'dead' }))).toBe(
      "406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'orders' in vhost '/': received '20' but current is '10'",
    )
    expect(difference(definition({ messageTtlMs: 10 }))).toMatch("received none but current is 'dead'")
    expect(difference(definition({}, { durable: false }))).toMatch("inequivalent arg 'durable'")
    expect(difference(definition({}, { autoDelete: true }))).toMatch("inequivalent arg 'auto_delete'")
  })

  test('is a locked resource where one alone is exclusive', () => {
    expect(refusal(() => requireEqualQueue(definition(), definition({}, { exclusive: true }), '/'))).toMatch(
      "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'orders'",
    )
  })
})

test('readExpiration() takes whole milliseconds of up to ten years', () => {
  expect(['0', '+5', '0005', String(MAX_LIFE_MS)].map(readExpiration)).toEqual([0, 5, 5, MAX_LIFE_MS])
  for (const text of ['', 'x', '-1', '1.5', ' 5', '1e3', String(MAX_LIFE_MS + 1), '1'.repeat(30)]) {
    expect(refusal(() => readExpiration(text))).toMatch(`406 PRECONDITION_FAILED - invalid expiration '${text}'`)
  }
})

test('readConsumerPriority() takes whole numbers alone', () => {
  expect(readConsumerPriority("queue 'orders' in vhost '/'", {})).toBe(0)
  expect(readConsumerPriority("queue 'orders' in vhost '/'", { 'x-priority': number(-5, 'b') })).toBe(-5)
  for (const value of ['5', number(5, 'd'), true, null]) {
    expect(refusal(() => readConsumerPriority("queue 'orders' in vhost '/'", { 'x-priority': value }))).toMatch(
      "406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'orders'",
    )
  }
})
