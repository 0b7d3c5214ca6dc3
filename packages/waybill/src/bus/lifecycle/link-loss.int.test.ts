// The bus while its link to RabbitMQ is cut, refused or stalled, through a proxy of ours.
import { afterAll, expect, test } from 'vitest'
import { command, contract, event, query, type } from '../../contract/contract.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const name = uniqueName('link')
const shop = contract(
  name,
  { shards: 2 },
  {
    happened: event(type<{ key: string; n: number }>(), { key: ({ key }) => key }),
    go: command(type<{ n: number }>()),
    ask: query(type<{ n: number }>(), type<{ n: number }>()),
  },
)
const quiet = { logger: silentLogger, drainOn: [], drainTimeout: '2s' } as const

async function proxied(): Promise<{ readonly proxy: FaultProxy; readonly transport: TransportFactory }> {
  const url = new URL(RABBITMQ_URL)
  const proxy = await FaultProxy.open({ host: url.hostname, port: Number(url.port || 5672) })
  url.host = `127.0.0.1:${proxy.port}`
  return { proxy, transport: rabbitmq({ url: url.href, heartbeatSeconds: 2 }) }
}

describeRabbitmq('bus over a link that fails', () => {
  afterAll(() =>
    deleteEntities({
      queues: [0, 1]
        .flatMap((shard) => [`${name}:in-order:${shard}`, `${name}:in-order:${shard}:retry`])
        .concat(`${name}:in-order:dead`, `${name}.go`, `${name}.ask:slow:dead`),
      exchanges: [name, `${name}:in-order:members`, `${name}.go:owner`, `${name}.ask:owner`],
    }),
  )

  test('what is sent across two cuts arrives, in the order of each key', { timeout: 60_000 }, async () => {
    const { proxy, transport } = await proxied()
    const seen = new Map<string, number[]>([
      ['a', []],
      ['b', []],
    ])
    const all = new Set<string>()
    const inOrder = service('in-order').on(
      shop.happened,
      ({ key, n }) => {
        const list = seen.get(key)
        if (list !== undefined && !list.includes(n)) list.push(n) // a redelivery may repeat a suffix
        all.add(`${key}${n}`)
      },
      { ordered: true },
    )
    await using bus = await createBus({ ...quiet, transport, services: [inOrder] })
    const sends: Promise<unknown>[] = []
    for (let n = 0; n < 600; n++) {
      for (const key of ['a', 'b']) sends.push(bus.publish(shop.happened, { key, n }))
      if (n === 200 || n === 400) proxy.cut()
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(sends)
    await expect.poll(() => all.size, { timeout: 30_000 }).toBe(1_200)
    const expected = Array.from({ length: 600 }, (_, n) => n)
    expect(seen.get('a')).toEqual(expected)
    expect(seen.get('b')).toEqual(expected)
    await bus.drain()
    await proxy.close()
  })

  test(
    'a send whose deadline passes while the broker refuses connections was certainly not sent',
    { timeout: 30_000 },
    async () => {
      const { proxy, transport } = await proxied()
      await using bus = await createBus({ ...quiet, transport, declare: [shop.go] })
      await proxy.refuse()
      proxy.cut()
      await expect.poll(async () => (await bus.health()).connected).toBe(false)
      await expect(bus.send(shop.go, { n: 1 }, { timeout: '300ms' })).rejects.toMatchObject({
        code: 'WAYBILL_NOT_CONNECTED',
      })
      await proxy.restore()
      await bus.send(shop.go, { n: 2 })
      await bus.drain()
      await proxy.close()
    },
  )

  test('a send that the broker does not answer in time has an unknown outcome', { timeout: 30_000 }, async () => {
    const { proxy, transport } = await proxied()
    await using bus = await createBus({ ...quiet, transport, declare: [shop.go] })
    proxy.stall('both')
    await expect(bus.send(shop.go, { n: 1 }, { timeout: '300ms' })).rejects.toMatchObject({
      code: 'WAYBILL_OUTCOME_UNKNOWN',
    })
    await proxy.restore()
    await bus.drain()
    await proxy.close()
  })

  test(
    'a request that was pending when the link broke ends at once, and the next one is answered',
    { timeout: 30_000 },
    async () => {
      const { proxy, transport } = await proxied()
      let asked: () => void = () => {}
      const arrived = new Promise<void>((resolve) => (asked = resolve))
      const slow = service('slow').answer(shop.ask, async ({ n }, ctx) => {
        if (n > 0) return { n }
        asked()
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        return { n }
      })
      await using answering = await createBus({
        ...quiet,
        transport: rabbitmq({ url: RABBITMQ_URL }),
        services: [slow],
        drainTimeout: 0,
      })
      await using asking = await createBus({ ...quiet, transport })
      const pending = asking.request(shop.ask, { n: 0 }, { timeout: '1m' })
      const rejected = expect(pending).rejects.toMatchObject({ code: 'WAYBILL_OUTCOME_UNKNOWN' })
      await arrived
      proxy.cut()
      await rejected
      expect(await asking.request(shop.ask, { n: 7 })).toEqual({ n: 7 })
      await asking.drain()
      await answering.drain()
      await proxy.close()
    },
  )
})
