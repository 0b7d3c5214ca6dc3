// A bus on NATS, picked by its address alone: the five styles.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bus } from '../../bus/bus.ts'
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { resolveTransport } from '../../bus/settings/resolve-transport.ts'
import { service, type Service } from '../../bus/service/service.ts'
import { command, contract, event, query, survey, type } from '../../contract/contract.ts'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'

const orders = contract('orders', {
  place: command(type<{ id: string }>()),
  placed: event(type<{ id: string }>(), { key: (placed) => placed.id }),
  price: query(type<{ sku: string }>(), type<{ price: number }>()),
  offers: survey(type<{ kg: number }>(), type<{ carrier: string }>()),
})

describeOwnNats('a bus on nats://…', () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await NatsServer.start()
  })
  afterAll(() => server.stop())

  async function busOf(...services: readonly Service[]): Promise<Bus> {
    const url = `nats://shop:word@127.0.0.1:${server.port}?ackWait=5s`
    const { factory, shown } = await resolveTransport({ url, mode: 'production', cwd: '/' })
    expect(shown).toBe(`nats://***@127.0.0.1:${server.port}?ackWait=5s`)
    return await createBus({ transport: factory, services, logger: silentLogger, drainOn: [] })
  }

  test('commands, events, queries and surveys pass; what nobody can answer is refused at once', async () => {
    const told: string[] = []
    const shop = service('shop')
      .on(orders.place, async ({ id }, context) => {
        await context.publish(orders.placed, { id })
      })
      .answer(orders.price, ({ sku }) => ({ price: sku.length }))
    const fast = service('fast').answer(orders.offers, () => ({ carrier: 'fast' }))
    const slow = service('slow')
      .answer(orders.offers, () => ({ carrier: 'slow' }))
      .on(orders.placed, ({ id }) => void told.push(id))
    await using asking = await busOf()
    await expect(asking.request(orders.price, { sku: 'abc' })).rejects.toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
    await using _ = await busOf(shop, fast, slow)
    expect(await asking.request(orders.price, { sku: 'abc' })).toEqual({ price: 3 })
    const carriers: string[] = []
    for await (const reply of asking.scatter(orders.offers, { kg: 1 }, { timeout: '500ms' }))
      if (reply.ok) carriers.push(reply.value.carrier)
    expect(carriers.toSorted()).toEqual(['fast', 'slow'])
    for (const id of ['1', '2', '3']) await asking.send(orders.place, { id })
    await expect.poll(() => told.toSorted()).toEqual(['1', '2', '3'])
  })
})
