import { createBus, embedded, redis, silentLogger, type Bus, type TransportFactory } from 'waybill'
import { expect, test } from 'vitest'
import { describeOwnRedis } from '../../packages/waybill/src/testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../packages/waybill/src/testing/servers/redis-server.ts'
import { asked } from '../../packages/waybill/src/transports/redis/redis.test-support.ts'
import { board, prices, whenMissed } from './prices.ts'

const running = (transport: TransportFactory, shown?: Map<string, number>): Promise<Bus> =>
  createBus({ transport, services: shown === undefined ? [] : [board(shown)], logger: silentLogger, drainOn: [] })

test('a bus tells what the board in docs/signals.md may rely on', async () => {
  await using bus = await running(embedded({ memory: true }), new Map())
  const { routes, sends } = await bus.explain([])
  expect([...routes, ...sends].map(({ statement }) => statement)).toEqual([
    'prices.ticked → each board: at most once, nothing kept while away or too slow, no order, 1 attempt, then dropped',
    'publish prices.ticked: confirmed once in memory, nothing kept while away or too slow, forgotten when nobody subscribed, outcome unknown after 30 s',
  ]) // prettier-ignore
})

describeOwnRedis('the board in docs/signals.md', () => {
  test('each instance has each tick; who lost the connection learns that it may have missed some', async () => {
    await using server = await RedisServer.start()
    const transport = redis({ url: server.url })
    const [one, other] = [new Map<string, number>(), new Map<string, number>()]
    await using shop = await running(transport)
    await shop.publish(prices.ticked, { sku: 'book', cents: 1 })
    await using boards = new AsyncDisposableStack()
    for (const shown of [one, other]) boards.use(await running(transport, shown))
    await shop.publish(prices.ticked, { sku: 'pen', cents: 2 })
    await expect.poll(() => [[...one], [...other]]).toEqual([[['pen', 2]], [['pen', 2]]])

    let missed = 0
    const end = whenMissed(() => missed++)
    await asked(server.url, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
    await expect.poll(() => missed).toBe(2)
    end()
  })
})
