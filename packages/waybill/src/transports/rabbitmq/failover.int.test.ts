// Several addresses, each a proxy before the same broker: what the nodes of a cluster look like from outside.
import { afterAll, expect, test } from 'vitest'
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { service } from '../../bus/service/service.ts'
import { command, contract, type } from '../../contract/contract.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { freePort } from '../../testing/servers/free-port.ts'
import { rabbitmq } from './rabbitmq.ts'

const COUNT = 2_000
const name = uniqueName('failover')
const work = contract(name, { job: command(type<{ n: number }>()) })
const quiet = { logger: silentLogger, drainOn: [], drainTimeout: '2s' } as const

async function proxied(): Promise<{ readonly proxy: FaultProxy; readonly url: string }> {
  const url = new URL(RABBITMQ_URL)
  const proxy = await FaultProxy.open({ host: url.hostname, port: Number(url.port || 5672) })
  url.host = `127.0.0.1:${proxy.port}`
  return { proxy, url: url.href }
}

async function down(proxy: FaultProxy): Promise<void> {
  await proxy.refuse()
  proxy.cut()
}

describeRabbitmq('rabbitmq() with several addresses', () => {
  afterAll(() =>
    deleteEntities({
      queues: [`${name}.job`, `${name}.job:worker:dead`],
      exchanges: [`${name}.job:owner`, `${name}.job:layout`],
    }),
  )

  test('starts on the second address where nobody listens on the first', async () => {
    const { proxy, url } = await proxied()
    const transport = rabbitmq({ urls: [`amqp://guest:guest@127.0.0.1:${await freePort()}`, url] })
    await using bus = await createBus({ ...quiet, transport, declare: [work.job] })
    await bus.send(work.job, { n: -1 })
    expect(proxy.connections).toBe(2)
    await bus.drain()
    await proxy.close()
  })

  test('says of each address why it cannot be used, without the password', async () => {
    const ports = [await freePort(), await freePort()]
    const transport = rabbitmq({ urls: ports.map((port) => `amqp://guest:secret-word@127.0.0.1:${port}`) })
    const error: unknown = await createBus({ ...quiet, transport }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
    for (const port of ports) expect(String(error)).toContain(`127.0.0.1:${port}/ cannot be reached`)
    expect(String(error)).not.toContain('secret-word')
  })

  test('loses nothing confirmed while one address after the other goes, and one returns', async () => {
    const [a, b] = [await proxied(), await proxied()]
    const confirmed = new Set<number>()
    const handled = new Set<number>()
    const worker = service('worker').on(work.job, ({ n }) => void handled.add(n), { concurrency: 64 })
    const transport = rabbitmq({ urls: [a.url, b.url] })
    await using bus = await createBus({ ...quiet, transport, services: [worker] })
    const sends: Promise<unknown>[] = []
    let next = 0
    /** Sends while others are in flight, and waits until some of them are handled: consuming and sending overlap. */
    const sendUpTo = async (end: number): Promise<void> => {
      while (next < end) {
        const n = next++
        sends.push(bus.send(work.job, { n }).then(() => confirmed.add(n)))
        if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await sendUpTo(COUNT / 4)
    await expect.poll(() => handled.size).toBeGreaterThan(100)
    await sendUpTo(COUNT / 2)
    await down(a.proxy)
    await expect.poll(() => b.proxy.connections, { timeout: 10_000 }).toBe(2)
    await sendUpTo((3 * COUNT) / 4)
    await expect.poll(() => handled.size, { timeout: 10_000 }).toBeGreaterThan(COUNT / 2)
    expect(bus.subscription(worker, work.job).state).toBe('consuming')
    await down(b.proxy)
    await expect.poll(async () => (await bus.health()).connected).toBe(false)
    await sendUpTo(COUNT)
    expect(confirmed.size).toBeLessThan(COUNT)
    await a.proxy.restore()
    await Promise.all(sends)
    await expect.poll(() => [...confirmed].filter((n) => !handled.has(n)), { timeout: 10_000 }).toEqual([])
    expect(confirmed.size).toBe(COUNT)
    expect([a.proxy.connections, b.proxy.connections]).toEqual([2, 0])
    await expect.poll(async () => (await bus.health()).healthy).toBe(true)
    await bus.drain()
    for (const { proxy } of [a, b]) await proxy.close()
  })
})
