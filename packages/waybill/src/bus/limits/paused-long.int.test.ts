// A handler that is paused for longer than the engine lets a delivery be unsettled.
import { afterAll, expect, test } from 'vitest'
import { contract, document, event, type } from '../../contract/contract.ts'
import { timesPutOff } from '../../message/failure.ts'
import { circuitBreaker } from '../../resilience/circuit-breaker.ts'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import type { Context } from '../service/context.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const name = uniqueName('long')
const work = contract(
  name,
  { shards: 2 },
  { page: document(type<number>()), line: event(type<number>(), { key: (n) => String(n % 3) }) },
)

describeRabbitmq('a handler that is paused for long', () => {
  afterAll(() =>
    deleteEntities({
      queues: [0, 1]
        .flatMap((shard) => [`${name}:worker:${shard}`, `${name}:worker:${shard}:retry`])
        .concat(`${name}:worker:dead`, `${name}.page`, `${name}.page:worker:dead`),
      exchanges: [name, `${name}:worker:members`, `${name}.page:owner`],
    }),
  )

  test('gives back in time what waits for it, and gets it again as it was, in order', { timeout: 60_000 }, async () => {
    const breaker = circuitBreaker('bank')
    breaker.trip()
    let putOff = 0
    const pages: Context[] = []
    const lines: (readonly [number, Context])[] = []
    const worker = service('worker')
      .on(work.page, (_, ctx) => void pages.push(ctx), { breaker, timeout: '1s' })
      .on(work.line, (n, ctx) => void lines.push([n, ctx]), { breaker, timeout: '1s', ordered: true })
    await using bus = await createBus({
      transport: rabbitmq({ url: RABBITMQ_URL, consumerTimeout: '4s' }),
      services: [worker],
      logger: {
        ...silentLogger,
        debug: (_, message) => void (putOff += message.startsWith('a message is put off') ? 1 : 0),
      },
      drainOn: [],
    })
    const all = Array.from({ length: 9 }, (_, n) => n)
    for (const n of all) await Promise.all([bus.send(work.page, n), bus.publish(work.line, n)])
    // All pages, and the first line of each key: the others wait for it in the broker.
    await expect.poll(() => putOff, { timeout: 15_000 }).toBeGreaterThanOrEqual(9 + 3)
    expect([pages, lines]).toEqual([[], []])
    breaker.reset()
    await expect.poll(() => [pages.length, lines.length], { timeout: 20_000 }).toEqual([9, 9])
    const contexts = [...pages, ...lines.map(([, ctx]) => ctx)]
    expect(new Set(contexts.map(({ attempt }) => attempt))).toEqual(new Set([1]))
    expect(pages.every(({ headers }) => timesPutOff(headers) > 0)).toBe(true)
    for (const key of [0, 1, 2])
      expect(lines.map(([n]) => n).filter((n) => n % 3 === key)).toEqual(all.filter((n) => n % 3 === key))
  })
})
