import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { Broker } from './broker.ts'
import { Publisher, exchangeDefinition as exchange, queueDefinition } from './broker.test-support.ts'
import type { Connection } from './connection.ts'

let broker: Broker
let connection: Connection

beforeEach(async () => {
  broker = await Broker.open({ runtime: virtualRuntime() })
  connection = broker.connect()
})

const declareQueue = (name: string): void => void broker.declareQueue(queueDefinition(name), connection)

const replyError = (replyCode: number, text: string): Error =>
  expect.objectContaining({ replyCode, replyText: expect.stringContaining(text) as string }) as Error

const exists = (name: string): boolean => broker.exchangeDefinition(name) !== undefined

describe('declareExchange()', () => {
  test('is idempotent, and refuses any difference in the words that clients know', () => {
    broker.declareExchange(exchange('x', { alternate: 'other' }))
    broker.declareExchange(exchange('x', { alternate: 'other' }))
    const differences = [
      [{ type: 'direct' }, "'type' for exchange 'x' in vhost '/': received 'direct' but current is 'topic'"],
      [{ durable: false }, "'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'"],
      [{ autoDelete: true }, "'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'"],
      [{ internal: true }, "'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'"],
      [{ alternate: 'y' }, "'alternate-exchange' for exchange 'x' in vhost '/': received 'y' but current is 'other'"],
    ] as const
    for (const [rest, text] of differences) {
      expect(() => broker.declareExchange(exchange('x', { alternate: 'other', ...rest }))).toThrow(
        replyError(406, `PRECONDITION_FAILED - inequivalent arg ${text}`),
      )
    }
    expect(() => broker.declareExchange(exchange('x'))).toThrow(
      replyError(406, "received none but current is the value 'other' of type 'longstr'"),
    )
  })

  test("keeps the broker's own names", () => {
    expect(() => broker.declareExchange(exchange('amq.new'))).toThrow(replyError(403, 'amq.new'))
    expect(() => broker.declareExchange(exchange(''))).toThrow(replyError(403, 'default exchange'))
    broker.declareExchange(exchange('amq.topic'))
    broker.declareExchange(exchange('amq.rabbitmq.trace', { internal: true }))
    expect(() => broker.declareExchange(exchange('amq.topic', { durable: false }))).toThrow(
      replyError(406, 'amq.topic'),
    )
    expect(() => broker.deleteExchange('amq.topic', false)).toThrow(replyError(403, 'amq.topic'))
    expect(() => broker.deleteExchange('', false)).toThrow(replyError(403, 'default exchange'))
  })

  test('knows names without line breaks', () => {
    broker.declareExchange(exchange('a\r\nb'))
    expect(broker.declareQueue(queueDefinition('q\n'), connection).name).toBe('q')
    broker.bind(connection, '\nq', '\ra\nb', 'k')
    expect(exists('ab')).toBe(true)
    expect(broker.deleteQueue('q\r', connection)).toBe(0)
    broker.deleteExchange('ab\n', true)
    expect(exists('ab')).toBe(false)
  })
})

describe('deleteExchange()', () => {
  test('with ifUnused minds what is bound to it, not what it is bound to', () => {
    for (const name of ['x', 'y']) broker.declareExchange(exchange(name))
    broker.bindExchange(connection, 'y', 'x', 'k')
    expect(() => broker.deleteExchange('x', true)).toThrow(replyError(406, "exchange 'x' in vhost '/' in use"))
    broker.deleteExchange('y', true)
    broker.deleteExchange('x', true)
    broker.deleteExchange('x', true)
    expect([exists('x'), exists('y')]).toEqual([false, false])
  })

  test('auto-delete: goes with its last binding, and so do those whose last one led to it', () => {
    for (const name of ['x', 'y', 'z']) broker.declareExchange(exchange(name, { autoDelete: true }))
    declareQueue('q')
    broker.bindExchange(connection, 'y', 'x', 'k')
    broker.bindExchange(connection, 'z', 'y', 'k')
    broker.bind(connection, 'q', 'z', 'a')
    broker.bind(connection, 'q', 'z', 'b')
    broker.unbind(connection, 'q', 'z', 'a')
    expect(exists('z')).toBe(true)
    broker.deleteQueue('q', connection)
    expect([exists('x'), exists('y'), exists('z')]).toEqual([false, false, false])
  })
})

describe('bind()', () => {
  beforeEach(() => {
    declareQueue('q')
    broker.declareExchange(exchange('x'))
    broker.declareExchange(exchange('y'))
  })

  test('names what is missing', () => {
    expect(() => broker.bind(connection, 'q', 'nowhere', 'k')).toThrow(replyError(404, 'nowhere'))
    expect(() => broker.bind(connection, 'none', 'nowhere', 'k')).toThrow(replyError(404, 'nowhere'))
    expect(() => broker.bind(connection, 'none', 'x', 'k')).toThrow(replyError(404, 'none'))
    expect(() => broker.bind(connection, 'q', '', 'k')).toThrow(replyError(403, 'default exchange'))
    expect(() => broker.bindExchange(connection, 'none', 'x', 'k')).toThrow(replyError(404, 'none'))
    expect(() => broker.bindExchange(connection, 'none', 'nowhere', 'k')).toThrow(replyError(404, 'nowhere'))
    expect(() => broker.bindExchange(connection, '', 'x', 'k')).toThrow(replyError(403, 'default exchange'))
    expect(() => broker.bindExchange(connection, 'x', '', 'k')).toThrow(replyError(403, 'default exchange'))
  })

  test('refuses an unknown x-match', () => {
    broker.declareExchange(exchange('h', { type: 'headers' }))
    for (const mode of ['some', true]) {
      const table = { 'x-match': mode }
      expect(() => broker.bind(connection, 'q', 'h', '', table)).toThrow(replyError(406, "exchange 'h'"))
      expect(() => broker.bindExchange(connection, 'x', 'h', '', table)).toThrow(replyError(406, 'x-match'))
    }
    broker.bind(connection, 'q', 'h', '', { 'x-match': 'any-with-x' })
  })

  test('unbind() of what is not bound is no error', () => {
    broker.unbind(connection, 'q', 'x', 'k')
    broker.unbind(connection, 'none', 'x', 'k')
    broker.unbind(connection, 'q', 'nowhere', 'k')
    broker.unbindExchange(connection, 'y', 'x', 'k')
    broker.unbindExchange(connection, 'none', 'nowhere', 'k')
    expect(() => broker.unbind(connection, 'q', '', 'q')).toThrow(replyError(403, 'default exchange'))
    expect(() => broker.unbindExchange(connection, 'x', '', 'k')).toThrow(replyError(403, 'default exchange'))
  })

  test('between exchanges: notices every change on the way, and counts a binding once', async () => {
    const send = (): Promise<string> => new Publisher(broker, 'x').send('k', 'm')
    expect(await send()).toBe('unroutable')
    broker.bindExchange(connection, 'y', 'x', 'k')
    broker.bindExchange(connection, 'y', 'x', 'k')
    expect(await send()).toBe('unroutable')
    broker.bind(connection, 'q', 'y', '#')
    broker.bind(connection, 'q', 'x', '#')
    expect(await send()).toBe('accepted')
    expect(broker.findQueue('q')?.ready).toBe(1)
    broker.unbind(connection, 'q', 'x', '#')
    expect(await send()).toBe('accepted')
    broker.unbindExchange(connection, 'y', 'x', 'k')
    expect(await send()).toBe('unroutable')
    broker.bindExchange(connection, 'y', 'x', 'k')
    expect(await send()).toBe('accepted')
    broker.deleteExchange('y', false)
    expect(await send()).toBe('unroutable')
    broker.declareExchange(exchange('y'))
    broker.bind(connection, 'q', 'y', '#')
    expect(await send()).toBe('unroutable')
  })
})
