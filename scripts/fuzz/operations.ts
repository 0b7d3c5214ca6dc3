// What a client may do on a channel, method by method.
import {
  encodeMethod,
  type Fields,
} from '../../packages/waybill/src/broker/server/differential/amqp-methods.test-support.ts'
import {
  frameOf,
  headerPayload,
} from '../../packages/waybill/src/broker/server/differential/wire-client.test-support.ts'
import type { FieldValue } from '../../packages/waybill/src/broker/wire/field-table.ts'
import { encodeProperties } from '../../packages/waybill/src/broker/wire/properties.ts'
import type { Dice } from './dice.ts'
import {
  EXCHANGES,
  KEYS,
  NUMBERS,
  TAGS,
  number,
  oneOf,
  properties,
  queueArguments,
  queueName,
  value,
} from './values.ts'

type Operation = (dice: Dice, channel: number) => readonly Buffer[]

const OPERATIONS: readonly (readonly [weight: number, operation: Operation])[] = [
  [8, declareQueue],
  [4, declareExchange],
  [5, bind],
  [20, publish],
  [8, (dice, channel) => [method(channel, 'basic.consume', consumeFields(dice))]],
  [6, (dice, channel) => [method(channel, 'basic.get', { queue: queueName(dice), 'no-ack': dice.chance(0.5) })]],
  [8, settle],
  [
    2,
    (dice, channel) => [
      method(channel, 'basic.cancel', { 'consumer-tag': oneOf(dice, TAGS), 'no-wait': dice.chance(0.3) }),
    ],
  ],
  [
    2,
    (dice, channel) => [
      method(channel, 'basic.qos', { 'prefetch-count': dice.one(NUMBERS), global: dice.chance(0.4) }),
    ],
  ],
  [
    2,
    (dice, channel) => [
      method(channel, dice.one(['basic.recover', 'basic.recover-async']), { requeue: dice.chance(0.9) }),
    ],
  ],
  [2, (dice, channel) => [method(channel, 'confirm.select', { 'no-wait': dice.chance(0.3) })]],
  [2, (dice, channel) => [plain(channel, 0x005a_0000 + dice.one([10, 20, 30]))]],
  [2, (dice, channel) => [method(channel, 'queue.purge', { queue: queueName(dice), 'no-wait': dice.chance(0.3) })]],
  [
    3,
    (dice, channel) => [
      method(channel, 'queue.delete', {
        queue: queueName(dice),
        'if-unused': dice.chance(0.2),
        'if-empty': dice.chance(0.2),
        'no-wait': dice.chance(0.3),
      }),
    ],
  ],
  [
    2,
    (dice, channel) => [
      method(channel, 'exchange.delete', {
        exchange: oneOf(dice, EXCHANGES),
        'if-unused': dice.chance(0.3),
        'no-wait': dice.chance(0.3),
      }),
    ],
  ],
  [2, (dice, channel) => [method(channel, 'channel.flow', { active: dice.chance(0.8) })]],
  [1, (_dice, channel) => [method(channel, 'access.request', { realm: '/data' })]],
  [3, (_dice, channel) => [method(channel, 'channel.close', { 'reply-code': 200 }), method(channel, 'channel.open')]],
  [3, (_dice, channel) => [method(channel, 'channel.close-ok'), method(channel, 'channel.open')]],
  [1, () => [frameOf(8, 0, Buffer.alloc(0))]],
  [1, (_dice) => [method(0, 'connection.update-secret', { 'new-secret': 'x', reason: 'y' })]],
]
const WEIGHTS = OPERATIONS.reduce((sum, [weight]) => sum + weight, 0)

export function operation(dice: Dice, channel: number): readonly Buffer[] {
  let at = dice.below(WEIGHTS)
  for (const [weight, make] of OPERATIONS) if ((at -= weight) < 0) return make(dice, channel)
  return []
}

function declareQueue(dice: Dice, channel: number): readonly Buffer[] {
  const fields = {
    queue: dice.chance(0.1) ? '' : queueName(dice),
    passive: dice.chance(0.1),
    durable: dice.chance(0.6),
    exclusive: dice.chance(0.15),
    'auto-delete': dice.chance(0.15),
    'no-wait': dice.chance(0.2),
    arguments: queueArguments(dice),
  }
  return [method(channel, 'queue.declare', fields)]
}

function declareExchange(dice: Dice, channel: number): readonly Buffer[] {
  const isLate = dice.chance(0.2)
  const table: Record<string, FieldValue> = {}
  if (isLate) table['x-delayed-type'] = dice.one(['direct', 'topic', 'headers', 'fanout', 'else'])
  if (dice.chance(0.2)) table['alternate-exchange'] = dice.one(EXCHANGES)
  const fields = {
    exchange: isLate ? 'late' : oneOf(dice, EXCHANGES),
    type: isLate ? 'x-delayed-message' : dice.one(['direct', 'fanout', 'topic', 'headers', 'x-none']),
    passive: dice.chance(0.1),
    durable: dice.chance(0.6),
    'auto-delete': dice.chance(0.2),
    internal: dice.chance(0.1),
    'no-wait': dice.chance(0.2),
    arguments: table,
  }
  return [method(channel, 'exchange.declare', fields)]
}

function bind(dice: Dice, channel: number): readonly Buffer[] {
  const table = dice.chance(0.3) ? { 'x-match': dice.one(['all', 'any', 'any-with-x', 'odd']), h: value(dice, 0) } : {}
  const fields = { 'routing-key': oneOf(dice, KEYS), arguments: table }
  const isUnbind = dice.chance(0.25)
  if (dice.chance(0.3)) {
    const between = {
      ...fields,
      source: oneOf(dice, EXCHANGES),
      destination: oneOf(dice, EXCHANGES),
      'no-wait': dice.chance(0.3),
    }
    return [method(channel, isUnbind ? 'exchange.unbind' : 'exchange.bind', between)]
  }
  const toQueue = { ...fields, queue: queueName(dice), exchange: oneOf(dice, EXCHANGES) }
  return isUnbind
    ? [method(channel, 'queue.unbind', toQueue)]
    : [method(channel, 'queue.bind', { ...toQueue, 'no-wait': dice.chance(0.3) })]
}

function publish(dice: Dice, channel: number): readonly Buffer[] {
  const toQueue = dice.chance(0.6)
  const body = Buffer.alloc(dice.one([0, 1, 10, 10, 500, 5_000, 20_000]), 'b')
  const frames = [
    method(channel, 'basic.publish', {
      exchange: toQueue ? '' : oneOf(dice, EXCHANGES),
      'routing-key': toQueue ? queueName(dice) : oneOf(dice, KEYS),
      mandatory: dice.chance(0.2),
      immediate: dice.chance(0.01),
    }),
    frameOf(2, channel, headerPayload(body.length, encodeProperties(properties(dice)))),
  ]
  const most = dice.one([1_000, 4_088, 131_064])
  for (let at = 0; at < body.length; at += most) frames.push(frameOf(3, channel, body.subarray(at, at + most)))
  return frames
}

function consumeFields(dice: Dice): Fields {
  return {
    queue: dice.chance(0.15) ? 'amq.rabbitmq.reply-to' : queueName(dice),
    'consumer-tag': oneOf(dice, TAGS),
    'no-ack': dice.chance(0.4),
    exclusive: dice.chance(0.1),
    'no-wait': dice.chance(0.2),
    arguments: dice.chance(0.1) ? { 'x-priority': number(dice, [0, 5]) } : {},
  }
}

function settle(dice: Dice, channel: number): readonly Buffer[] {
  const tag = { 'delivery-tag': dice.one([0, 1, 1, 2, 2, 3, 4, 7, 2 ** 53]) }
  const multiple = dice.chance(0.5)
  const requeue = dice.chance(0.6)
  return [
    dice.one([
      () => method(channel, 'basic.ack', { ...tag, multiple }),
      () => method(channel, 'basic.nack', { ...tag, multiple, requeue }),
      () => method(channel, 'basic.reject', { ...tag, requeue }),
    ])(),
  ]
}

/** A method without arguments, by its number. */
function plain(channel: number, id: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(id)
  return frameOf(1, channel, payload)
}

export function method(channel: number, methodName: string, fields: Fields = {}): Buffer {
  return frameOf(1, channel, encodeMethod(methodName, fields))
}
