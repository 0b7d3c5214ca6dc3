import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { contract, createBus, embedded, event, service, type as typed, type BusHealth } from 'waybill'
import { expect, test } from 'vitest'
import { probes } from './probes.ts'

const orders = contract('orders', { placed: event(typed<{ id: string }>()) })

test('the probes answer by the health of the bus', async () => {
  const shipping = service('shipping').on(orders.placed, () => {})
  const bus = await createBus({ transport: embedded({ memory: true }), services: [shipping], drainOn: [] })
  const server = probes(bus).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
    return { status: response.status, health: response.ok ? ((await response.json()) as BusHealth) : undefined }
  }
  const { status, health } = await ask('/ready')
  expect([status, (await ask('/live')).status, (await ask('/else')).status]).toEqual([200, 200, 404])
  expect(health?.subscriptions).toEqual([
    {
      service: 'shipping',
      channel: 'orders',
      group: 'shipping',
      state: 'consuming',
      attached: true,
      pausedBy: [],
      since: expect.any(String) as unknown,
      lag: 0,
    },
  ])
  await bus.drain()
  expect([(await ask('/ready')).status, (await ask('/live')).status]).toEqual([503, 200])
  server.close()
})
