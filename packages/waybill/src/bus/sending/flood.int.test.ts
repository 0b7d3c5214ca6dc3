// A publisher that waits for nothing, and a broker that stands still in the middle of it.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, expect, test } from 'vitest'
import { contract, document, type } from '../../contract/contract.ts'
import { isWaybillError } from '../../message/errors.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { SEND_LIMITS } from './send-limits.ts'
import { service } from '../service/service.ts'

const name = uniqueName('flood')
const store = contract(name, { page: document(type<{ n: number; text: string }>()) })
const TEXT = 'x'.repeat(8 * 1_024)
const OFFERED = 60_000

// What is garbage already says nothing of what is held.
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describeRabbitmq('bus under a flood', () => {
  afterAll(() =>
    deleteEntities({ queues: [`${name}.page`, `${name}.page:keeper:dead`], exchanges: [`${name}.page:owner`] }),
  )

  test(
    'what may be pending has a bound: beyond it sends wait, then are refused, and all that was taken arrives',
    { timeout: 120_000 },
    async () => {
      const url = new URL(RABBITMQ_URL)
      const proxy = await FaultProxy.open({ host: url.hostname, port: Number(url.port || 5672) })
      url.host = `127.0.0.1:${proxy.port}`
      const arrived = new Set<number>()
      const keeper = service('keeper').on(store.page, ({ n }) => void arrived.add(n), { concurrency: 200 })
      await using bus = await createBus({
        transport: rabbitmq({ url: url.href, heartbeatSeconds: 60 }),
        services: [keeper],
        logger: silentLogger,
        drainOn: [],
        sendTimeout: '100s',
      })
      proxy.stall()
      collectGarbage()
      const before = process.memoryUsage()
      const accepted: number[] = []
      const refused: string[] = []
      const sends: Promise<void>[] = []
      for (let n = 0; n < OFFERED; n++) {
        const sending = bus.send(store.page, { n, text: TEXT }).then(
          () => void accepted.push(n),
          (error: unknown) => void refused.push(isWaybillError(error) ? error.code : String(error)),
        )
        sends.push(sending)
        if (n % 500 === 0) await turn()
      }
      await turn()
      collectGarbage()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      const grown = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers
      const mayBeTaken = (SEND_LIMITS.maxPendingBytes + SEND_LIMITS.maxLineBytes) / TEXT.length
      expect(new Set(refused)).toEqual(new Set(['WAYBILL_BACKPRESSURE']))
      expect(OFFERED - refused.length).toBeLessThanOrEqual(mayBeTaken)
      expect(OFFERED - refused.length).toBeGreaterThan(0.9 * mayBeTaken)
      // Twice the bodies, because the connection's own buffer has some of them too; all that was offered are 490 MB.
      expect(grown).toBeLessThan(2.2 * (SEND_LIMITS.maxPendingBytes + SEND_LIMITS.maxLineBytes))
      await proxy.restore()
      await Promise.all(sends)
      expect(accepted.length).toBe(OFFERED - refused.length)
      await expect.poll(() => accepted.filter((n) => !arrived.has(n)).length, { timeout: 60_000 }).toBe(0)
      await bus.drain()
      await proxy.close()
    },
  )
})
