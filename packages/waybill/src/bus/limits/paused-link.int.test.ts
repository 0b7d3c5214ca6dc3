// A paused subscription whose link is cut, on a real broker.
import { afterAll, expect, test } from 'vitest'
import { contract, document, event, type } from '../../contract/contract.ts'
import { circuitBreaker } from '../../resilience/circuit-breaker.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const name = uniqueName('paused')
const work = contract(
  name,
  { shards: 2 },
  {
    page: document(type<number>()),
    line: event(type<number>(), { key: (n) => String(n % 4) }),
  },
)

describeRabbitmq('a paused subscription', () => {
  afterAll(() =>
    deleteEntities({
      queues: [0, 1]
        .flatMap((shard) => [`${name}:worker:${shard}`, `${name}:worker:${shard}:retry`])
        .concat(`${name}:worker:dead`, `${name}.page`, `${name}.page:worker:dead`),
      exchanges: [name, `${name}:worker:members`, `${name}.page:owner`],
    }),
  )

  test(
    'whose link is cut twice handles each message once, ordered or not, when its circuit closes',
    { timeout: 90_000 },
    async () => {
      const url = new URL(RABBITMQ_URL)
      const proxy = await FaultProxy.open({ host: url.hostname, port: Number(url.port || 5672) })
      url.host = `127.0.0.1:${proxy.port}`
      const breaker = circuitBreaker('bank')
      breaker.trip()
      const pages: number[] = []
      const lines: number[] = []
      const worker = service('worker')
        .on(work.page, (n) => void pages.push(n), { breaker })
        .on(work.line, (n) => void lines.push(n), { breaker, ordered: true })
      await using bus = await createBus({
        transport: rabbitmq({ url: url.href, heartbeatSeconds: 2 }),
        services: [worker],
        logger: silentLogger,
        drainOn: [],
        drainTimeout: '2s',
      })
      const all = Array.from({ length: 20 }, (_, n) => n)
      for (const n of all) await Promise.all([bus.send(work.page, n), bus.publish(work.line, n)])
      for (let cut = 0; cut < 2; cut++) {
        proxy.cut()
        await expect.poll(() => bus.subscriptions.some(({ state }) => state === 'lost')).toBe(true)
        await expect.poll(async () => (await bus.health()).healthy, { timeout: 30_000, interval: 200 }).toBe(true)
      }
      expect([pages, lines]).toEqual([[], []])
      breaker.reset()
      await expect.poll(() => [pages.length, lines.length], { timeout: 30_000 }).toEqual([20, 20])
      // A second delivery would be there by now.
      await bus.send(work.page, 20)
      await expect.poll(() => pages.includes(20), { timeout: 10_000 }).toBe(true)
      expect(new Set(pages).size).toBe(pages.length)
      for (const key of [0, 1, 2, 3])
        expect(lines.filter((n) => n % 4 === key)).toEqual(all.filter((n) => n % 4 === key))
      await bus.drain()
      await proxy.close()
    },
  )
})
