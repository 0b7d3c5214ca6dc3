import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../runtime/virtual-runtime.ts'
import { Broker } from './broker.ts'
import { Publisher, Subscriber, exchangeDefinition, queueDefinition } from './broker.test-support.ts'
import type { Connection } from './connection.ts'
import type { Message } from './message.ts'
import { TypedField, plainValue } from './wire/field-table.ts'
import { decodeProperties, encodeProperties } from './wire/properties.ts'
import type { VirtualHost } from './virtual-host.ts'

let runtime: VirtualRuntime
let host: VirtualHost
let connection: Connection

beforeEach(async () => {
  runtime = virtualRuntime()
  host = (await Broker.open({ runtime })).root
  connection = host.connect()
})

function queue(...names: string[]): Subscriber[] {
  return names.map((name) => {
    host.declareQueue(queueDefinition(name), connection)
    return new Subscriber(host, name)
  })
}

describe('publish() with CC and BCC', () => {
  test('routes by them too, to each queue once, and hands nobody the BCC', async () => {
    const [a, b, c] = queue('a', 'b', 'c')
    const headers = { note: '1', CC: ['a', 'b', 'b'], BCC: ['c', 'nowhere'] }
    expect(await new Publisher(host).send('a', 'm', { headers })).toBe('accepted')
    await runtime.settle()
    expect([a?.texts, b?.texts, c?.texts]).toEqual([['m'], ['m'], ['m']])
    for (const each of [a, b, c]) {
      expect({ ...each?.headers('m') }).toEqual({ note: '1', CC: ['a', 'b', 'b'] })
      expect(each?.messages[0]?.routingKey).toBe('a')
    }
  })

  test('routes by them through exchanges', async () => {
    const [a, b] = queue('a', 'b')
    host.declareExchange(exchangeDefinition('x', { type: 'direct' }), connection)
    for (const name of ['a', 'b']) host.bind(connection, name, 'x', name)
    expect(await new Publisher(host, 'x').send('none', 'm', { headers: { BCC: ['a', 'b'] } })).toBe('accepted')
    await runtime.settle()
    expect([a?.texts, b?.texts]).toEqual([['m'], ['m']])
    expect(await new Publisher(host, 'x').send('none', 'm', { headers: { CC: ['neither'] } })).toBe('unroutable')
  })

  test('refuses what is no array', async () => {
    for (const headers of [{ CC: 'a' }, { BCC: true }]) {
      await expect(new Publisher(host).send('a', 'm', { headers })).rejects.toMatchObject({ replyCode: 406 })
    }
  })

  test('keeps BCC until a delayed message is due', async () => {
    const [a] = queue('a')
    queue('other')
    await new Publisher(host).send('other', 'm', { headers: { BCC: ['a'] }, delayMs: 10 })
    await runtime.advance(10)
    expect(a?.texts).toEqual(['m'])
    expect({ ...a?.headers('m') }).toEqual({})
  })
})

describe('an exchange of type x-delayed-message', () => {
  beforeEach(() => {
    host.declareExchange(exchangeDefinition('later', { type: 'x-delayed-message', delayedType: 'direct' }), connection)
  })

  test('routes as its other type says, when the message is due', async () => {
    const [q] = queue('q')
    host.bind(connection, 'q', 'later', 'k')
    const publisher = new Publisher(host, 'later')
    const send = (text: string, delay: TypedField): Promise<string> =>
      publisher.send('k', text, { headers: { 'x-delay': delay, other: 'kept' } })
    expect(await send('long', TypedField.long('l', 30n))).toBe('accepted')
    expect(await send('byte', TypedField.number('b', 20))).toBe('accepted')
    expect(await send('int', TypedField.number('I', 10))).toBe('accepted')
    expect(await send('negative', TypedField.number('I', -10))).toBe('accepted')
    expect(await publisher.send('k', 'none')).toBe('accepted')
    await runtime.settle()
    expect(q?.texts).toEqual(['negative', 'none'])
    await runtime.advance(10)
    expect(q?.texts.slice(2)).toEqual(['int'])
    await runtime.advance(20)
    expect(q?.texts.slice(3)).toEqual(['byte', 'long'])
    expect(plainValue(q?.headers('long')['x-delay'])).toBe(-30)
    expect(q?.headers('long')['other']).toBe('kept')
    expect(q?.messages.at(-1)?.exchange).toBe('later')
  })

  test('goes by the bindings there are when the message is due; without any at first it is unroutable', async () => {
    const [first, second] = queue('first', 'second')
    const headers = { 'x-delay': TypedField.number('I', 10) }
    expect(await new Publisher(host, 'later').send('k', 'a', { headers })).toBe('unroutable')
    host.bind(connection, 'first', 'later', 'k')
    expect(await new Publisher(host, 'later').send('k', 'b', { headers })).toBe('accepted')
    host.bind(connection, 'second', 'later', 'k')
    host.unbind(connection, 'first', 'later', 'k')
    await runtime.advance(10)
    expect([first?.texts, second?.texts]).toEqual([[], ['b']])
  })

  test('is another exchange when it routes otherwise', () => {
    const later = exchangeDefinition('later', { type: 'x-delayed-message', delayedType: 'topic' })
    expect(() => host.declareExchange(later, connection)).toThrow(
      /'x-delayed-type' for exchange 'later'.*'topic'.*'direct'/,
    )
    expect(() => host.declareExchange(exchangeDefinition('later', { type: 'direct' }), connection)).toThrow(/'type'/)
  })
})

describe('direct replies', () => {
  const replies: Message[] = []
  const receiver = { reply: (message: Message): boolean => replies.push(message) > 0 }

  beforeEach(() => {
    replies.length = 0
  })

  test('go to whom the reply-to of the request names, past all queues, while it is there', async () => {
    const { directReplies } = host
    const token = directReplies.register(receiver)
    const properties = encodeProperties({ replyTo: 'amq.rabbitmq.reply-to', correlationId: 'c' })
    const body = new Uint8Array([1])
    const request: Message = { exchange: '', routingKey: 'q', properties, body, origin: undefined }
    const { replyTo = '', correlationId } = decodeProperties(directReplies.addressed(request, token).properties)
    expect([replyTo, correlationId]).toEqual([`amq.rabbitmq.reply-to.${token}`, 'c'])
    expect(directReplies.isAlive(replyTo)).toBe(true)
    expect(await new Publisher(host).send(replyTo, 'reply')).toBe('accepted')
    expect(replies.map((message) => message.routingKey)).toEqual([replyTo])
    directReplies.unregister(token)
    expect(directReplies.isAlive(replyTo)).toBe(false)
    expect(await new Publisher(host).send(replyTo, 'late')).toBe('unroutable')
    expect(replies.length).toBe(1)
  })

  test('reach a requester that CC or BCC names, without the BCC', async () => {
    const [q] = queue('q')
    const name = `amq.rabbitmq.reply-to.${host.directReplies.register(receiver)}`
    expect(await new Publisher(host).send('q', 'm', { headers: { BCC: [name] } })).toBe('accepted')
    await runtime.settle()
    expect(q?.texts).toEqual(['m'])
    expect(replies.map((message) => ({ ...decodeProperties(message.properties).headers }))).toEqual([{}])
  })

  test('are refused to be asked for where nobody waits, and have names that nobody may declare', () => {
    const properties = encodeProperties({ replyTo: 'amq.rabbitmq.reply-to' })
    const request: Message = { exchange: '', routingKey: 'q', properties, body: properties, origin: undefined }
    expect(() => host.directReplies.addressed(request, undefined)).toThrow(
      expect.objectContaining({ replyText: 'PRECONDITION_FAILED - fast reply consumer does not exist' }) as Error,
    )
    expect(() => queue('amq.rabbitmq.reply-to.x')).toThrow(expect.objectContaining({ replyCode: 403 }) as Error)
    expect(host.directReplies.isAlive('amq.rabbitmq.reply-to')).toBe(true)
    expect(host.directReplies.isAlive('amq.rabbitmq.reply-to.x')).toBe(false)
  })
})
