// Conversations as clients have them: all of the protocol, in an order that mostly makes sense.
import { CLIENTS, type Step } from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import { ByteWriter } from '../../packages/waybill/src/broker/wire/byte-writer.ts'
import { writeTable, type FieldTable } from '../../packages/waybill/src/broker/wire/field-table.ts'
import type { Dice } from './dice.ts'
import { method, operation } from './operations.ts'

const HEADER = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')

/** A client from its first octet to its last; a frame to a step, with turns between them. */
export function clientSteps(dice: Dice, client: number): Step[] {
  const steps: Step[] = []
  const say = (octets: Buffer): void => void steps.push({ what: 'say', client, octets })
  for (const octets of handshake(dice)) say(octets)
  const channels = dice.one([[1], [1, 2], [1, 2, 7]])
  for (const channel of channels) say(method(channel, 'channel.open'))
  if (dice.chance(0.4)) say(method(dice.one(channels), 'confirm.select', { 'no-wait': dice.chance(0.3) }))
  for (let left = dice.below(25); left >= 0; left--) {
    for (const octets of operation(dice, dice.one(channels))) say(octets)
    if (dice.chance(0.4)) steps.push({ what: 'turn' })
    if (dice.chance(0.03)) steps.push({ what: 'wait', ms: dice.one([1, 50, 1_000, 31_000]) })
    if (dice.chance(0.03)) steps.push({ what: 'deafen', client, isDeaf: dice.chance(0.6) })
    if (dice.chance(0.04)) steps.push({ what: 'stall', isStalled: dice.chance(0.6) })
  }
  if (dice.chance(0.02)) steps.push({ what: 'fail' })
  if (dice.chance(0.3)) say(method(dice.one(channels), 'channel.close', { 'reply-code': 200 }))
  if (dice.chance(0.3)) say(method(0, 'connection.close', { 'reply-code': 200 }))
  if (dice.chance(0.3)) steps.push({ what: dice.one(['break', 'end']), client })
  return steps
}

/** Up to three clients, who speak in turn. */
export function conversation(dice: Dice): Step[] {
  const queues = Array.from({ length: 1 + dice.below(CLIENTS) }, (_, client) => clientSteps(dice, client))
  const steps: Step[] = []
  while (queues.some((left) => left.length > 0)) {
    const queue = dice.one(queues)
    steps.push(...queue.splice(0, 1 + dice.below(12)))
  }
  return steps
}

function handshake(dice: Dice): readonly Buffer[] {
  const amqplain = dice.chance(0.1)
  const capabilities = Object.fromEntries(
    ['authentication_failure_close', 'consumer_cancel_notify', 'connection.blocked', 'basic.nack'].map((name) => [
      name,
      dice.chance(0.7),
    ]),
  )
  return [
    HEADER,
    method(0, 'connection.start-ok', {
      'client-properties': { capabilities } as FieldTable,
      mechanism: amqplain ? 'AMQPLAIN' : 'PLAIN',
      response: amqplain ? loginTable() : `\0guest\0${dice.chance(0.97) ? 'guest' : 'wrong'}`,
      locale: 'en_US',
    }),
    method(0, 'connection.tune-ok', {
      'channel-max': dice.one([2_047, 2_047, 8, 1, 0]),
      'frame-max': dice.one([131_072, 131_072, 4_096, 8_192, 4_095]),
      heartbeat: dice.one([0, 0, 60, 1]),
    }),
    method(0, 'connection.open', { 'virtual-host': dice.chance(0.97) ? '/' : 'elsewhere' }),
  ]
}

function loginTable(): Buffer {
  const writer = new ByteWriter()
  writeTable(writer, { LOGIN: 'guest', PASSWORD: 'guest' })
  return Buffer.from(writer.bytes()).subarray(4)
}
