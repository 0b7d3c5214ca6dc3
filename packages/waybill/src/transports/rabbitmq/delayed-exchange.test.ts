import type { Channel } from 'amqplib'
import { expect, test } from 'vitest'
import { MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import { publication } from './broker.test-support.ts'
import { Declarations } from './declarations.ts'
import { DelayedExchange } from './delayed-exchange.ts'
import { publishOptions } from './publish-options.ts'

/** What is declared, in order. */
function recorded(): { readonly declarations: Declarations; readonly calls: unknown[][] } {
  const calls: unknown[][] = []
  const channel = {
    on: () => undefined,
    assertExchange: async (...args: unknown[]) => void calls.push(['exchange', ...args]),
    bindQueue: async (queue: string, ...args: unknown[]) => {
      if (queue === 'missing') throw Object.assign(new Error('no queue'), { code: 404 })
      calls.push(['bind', queue, ...args])
    },
  }
  return { calls, declarations: new Declarations(async () => channel as unknown as Channel) } // all that is called of it
}

test('bind() declares one exchange for all queues, and binds each by its name', async () => {
  const { declarations, calls } = recorded()
  const exchange = new DelayedExchange('shop.', declarations)
  await Promise.all([exchange.bind('a'), exchange.bind('b')])
  expect(calls).toEqual([
    ['exchange', 'shop.delayed', 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } }],
    ['bind', 'a', 'shop.delayed', 'a'],
    ['bind', 'b', 'shop.delayed', 'b'],
  ])
  await expect(exchange.bind('missing')).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
})

test('a delayed publication is written to the exchange, always mandatory, with whole milliseconds as its x-delay', () => {
  const exchange = new DelayedExchange('shop.', recorded().declarations)
  const delayed = publication('orders', 'a', { delayMs: 1_000.2, ttlMs: 60_000 })
  const route = exchange.route(delayed)
  expect(route).toMatchObject({ exchange: 'shop.delayed', routingKey: 'orders' })
  expect(publishOptions(delayed, route)).toMatchObject({
    mandatory: true,
    expiration: '60000',
    headers: { 'x-delay': 1_001 },
  })
  const immediate = publication('orders', 'a', { delayMs: 0 })
  expect(publishOptions(immediate, immediate)).toMatchObject({ mandatory: false })
  expect(publishOptions(immediate, immediate).headers).not.toHaveProperty('x-delay')
})

test('route() refuses what the broker would not hold so long', () => {
  const exchange = new DelayedExchange('shop.', recorded().declarations)
  expect(exchange.route(publication('q', 'a', { delayMs: MAX_DELAY_MS })).delayHeaderMs).toBe(MAX_DELAY_MS)
  const tooLong = publication('q', 'a', { delayMs: MAX_DELAY_MS + 1 })
  expect(() => exchange.route(tooLong)).toThrow('WAYBILL_LIMIT')
})
