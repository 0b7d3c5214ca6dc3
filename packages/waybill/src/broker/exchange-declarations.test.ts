import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { Broker } from './broker.ts'
import { Publisher, exchangeDefinition as exchange, queueDefinition } from './broker.test-support.ts'
import type { Connection } from './connection.ts'
import type { VirtualHost } from './virtual-host.ts'

let host: VirtualHost
let connection: Connection

beforeEach(async () => {
  host = (await Broker.open({ runtime: virtualRuntime() })).root
  connection = host.connect()
})

const declareQueue = (name: string): void => void host.declareQueue(queueDefinition(name), connection)

const replyError = (replyCode: number, text: string): Error =>
  expect.objectContaining({ replyCode, replyText: expect.stringContaining(text) as string }) as Error

const exists = (name: string): boolean => host.exchangeDefinition(name) !== undefined

describe('declareExchange()', () => {
  test('is idempotent, and refuses any difference in the words that clients know', () => {
    host.declareExchange(exchange('x', { alternate: 'other' }), connection)
    host.declareExchange(exchange('x', { alternate: 'other' }), connection)
    const differences = [
      [{ type: 'direct' }, "'type' for exchange 'x' in vhost '/': received 'direct' but current is 'topic'"],
      [{ durable: false }, "'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'"],
      [{ autoDelete: true }, "'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'"],
      [{ internal: true }, "'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'"],
      [{ alternate: 'y' }, "'alternate-exchange' for exchange 'x' in vhost '/': received 'y' but current is 'other'"],
    ] as const
    for (const [rest, text] of differences) {
      expect(() => host.declareExchange(exchange('x', { alternate: 'other', ...rest }), connection)).toThrow(
        replyError(406, `PRECONDITION_FAILED - inequivalent arg ${text}`),
      )
    }
    expect(() => host.declareExchange(exchange('x'), connection)).toThrow(
      replyError(406, "received none but current is the value 'other' of type 'longstr'"),
    )
  })

  test("keeps the broker's own names", () => {
    expect(() => host.declareExchange(exchange('amq.new'), connection)).toThrow(replyError(403, 'amq.new'))
    expect(() => host.declareExchange(exchange(''), connection)).toThrow(replyError(403, 'default exchange'))
    host.declareExchange(exchange('amq.topic'), connection)
    host.declareExchange(exchange('amq.rabbitmq.trace', { internal: true }), connection)
    expect(() => host.declareExchange(exchange('amq.topic', { durable: false }), connection)).toThrow(
      replyError(406, 'amq.topic'),
    )
    expect(() => host.deleteExchange('amq.topic', connection, false)).toThrow(replyError(403, 'amq.topic'))
    expect(() => host.deleteExchange('', connection, false)).toThrow(replyError(403, 'default exchange'))
  })

  test('knows names without line breaks', () => {
    host.declareExchange(exchange('a\r\nb'), connection)
    expect(host.declareQueue(queueDefinition('q\n'), connection).name).toBe('q')
    host.bind(connection, '\nq', '\ra\nb', 'k')
    expect(exists('ab')).toBe(true)
    expect(host.deleteQueue('q\r', connection)).toBe(0)
    host.deleteExchange('ab\n', connection, true)
    expect(exists('ab')).toBe(false)
  })
})

describe('deleteExchange()', () => {
  test('with ifUnused minds what is bound to it, not what it is bound to', () => {
    for (const name of ['x', 'y']) host.declareExchange(exchange(name), connection)
    host.bindExchange(connection, 'y', 'x', 'k')
    expect(() => host.deleteExchange('x', connection, true)).toThrow(
      replyError(406, "exchange 'x' in vhost '/' in use"),
    )
    host.deleteExchange('y', connection, true)
    host.deleteExchange('x', connection, true)
    host.deleteExchange('x', connection, true)
    expect([exists('x'), exists('y')]).toEqual([false, false])
  })

  test('auto-delete: goes with its last binding, and so do those whose last one led to it', () => {
    for (const name of ['x', 'y', 'z']) host.declareExchange(exchange(name, { autoDelete: true }), connection)
    declareQueue('q')
    host.bindExchange(connection, 'y', 'x', 'k')
    host.bindExchange(connection, 'z', 'y', 'k')
    host.bind(connection, 'q', 'z', 'a')
    host.bind(connection, 'q', 'z', 'b')
    host.unbind(connection, 'q', 'z', 'a')
    expect(exists('z')).toBe(true)
    host.deleteQueue('q', connection)
    expect([exists('x'), exists('y'), exists('z')]).toEqual([false, false, false])
  })
})

describe('bind()', () => {
  beforeEach(() => {
    declareQueue('q')
    host.declareExchange(exchange('x'), connection)
    host.declareExchange(exchange('y'), connection)
  })

  test('names what is missing', () => {
    expect(() => host.bind(connection, 'q', 'nowhere', 'k')).toThrow(replyError(404, 'nowhere'))
    expect(() => host.bind(connection, 'none', 'nowhere', 'k')).toThrow(replyError(404, 'nowhere'))
    expect(() => host.bind(connection, 'none', 'x', 'k')).toThrow(replyError(404, 'none'))
    expect(() => host.bind(connection, 'q', '', 'k')).toThrow(replyError(403, 'default exchange'))
    expect(() => host.bindExchange(connection, 'none', 'x', 'k')).toThrow(replyError(404, 'none'))
    expect(() => host.bindExchange(connection, 'none', 'nowhere', 'k')).toThrow(replyError(404, 'nowhere'))
    expect(() => host.bindExchange(connection, '', 'x', 'k')).toThrow(replyError(403, 'default exchange'))
    expect(() => host.bindExchange(connection, 'x', '', 'k')).toThrow(replyError(403, 'default exchange'))
  })

  test('refuses an unknown x-match', () => {
    host.declareExchange(exchange('h', { type: 'headers' }), connection)
    for (const mode of ['some', true]) {
      const table = { 'x-match': mode }
      expect(() => host.bind(connection, 'q', 'h', '', table)).toThrow(replyError(406, "exchange 'h'"))
      expect(() => host.bindExchange(connection, 'x', 'h', '', table)).toThrow(replyError(406, 'x-match'))
    }
    host.bind(connection, 'q', 'h', '', { 'x-match': 'any-with-x' })
  })

  test('unbind() of what is not bound is no error', () => {
    host.unbind(connection, 'q', 'x', 'k')
    host.unbind(connection, 'none', 'x', 'k')
    host.unbind(connection, 'q', 'nowhere', 'k')
    host.unbindExchange(connection, 'y', 'x', 'k')
    host.unbindExchange(connection, 'none', 'nowhere', 'k')
    expect(() => host.unbind(connection, 'q', '', 'q')).toThrow(replyError(403, 'default exchange'))
    expect(() => host.unbindExchange(connection, 'x', '', 'k')).toThrow(replyError(403, 'default exchange'))
  })

  test('between exchanges: notices every change on the way, and counts a binding once', async () => {
    const send = (): Promise<string> => new Publisher(host, 'x').send('k', 'm')
    expect(await send()).toBe('unroutable')
    host.bindExchange(connection, 'y', 'x', 'k')
    host.bindExchange(connection, 'y', 'x', 'k')
    expect(await send()).toBe('unroutable')
    host.bind(connection, 'q', 'y', '#')
    host.bind(connection, 'q', 'x', '#')
    expect(await send()).toBe('accepted')
    expect(host.findQueue('q')?.ready).toBe(1)
    host.unbind(connection, 'q', 'x', '#')
    expect(await send()).toBe('accepted')
    host.unbindExchange(connection, 'y', 'x', 'k')
    expect(await send()).toBe('unroutable')
    host.bindExchange(connection, 'y', 'x', 'k')
    expect(await send()).toBe('accepted')
    host.deleteExchange('y', connection, false)
    expect(await send()).toBe('unroutable')
    host.declareExchange(exchange('y'), connection)
    host.bind(connection, 'q', 'y', '#')
    expect(await send()).toBe('unroutable')
  })
})
