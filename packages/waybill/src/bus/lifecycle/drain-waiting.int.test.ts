// A drain of what waits here: for a circuit, for a rate, for a batch to fill. Nothing of it may stay invisible.
import { afterAll, expect, test } from 'vitest'
import { contract, document, type } from '../../contract/contract.ts'
import { circuitBreaker } from '../../resilience/circuit-breaker.ts'
import { deleteEntities, describeRabbitmq, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const name = uniqueName('waiting')
const kinds = ['paused', 'rated', 'keyed', 'batched'] as const
const work = contract(name, {
  paused: document(type<number>()),
  rated: document(type<number>()),
  keyed: document(type<number>()),
  batched: document(type<number>()),
})

describeRabbitmq('a drain', () => {
  afterAll(() =>
    deleteEntities({
      queues: kinds.flatMap((kind) => [`${name}.${kind}`, `${name}.${kind}:worker:dead`]),
      exchanges: kinds.map((kind) => `${name}.${kind}:owner`),
    }),
  )

  test('gives back what waits for anything, at once, as it came', { timeout: 60_000 }, async () => {
    const quiet = { transport: rabbitmq({ url: RABBITMQ_URL }), logger: silentLogger, drainOn: [] } as const
    const breaker = circuitBreaker('bank')
    breaker.trip()
    const begun: string[] = []
    const note = (kind: string) => (n: number) => void begun.push(`${kind} ${n}`)
    const rare = { limit: 1, per: '1h' } as const
    const waiting = service('worker')
      .on(work.paused, note('paused'), { breaker })
      .on(work.rated, note('rated'), { rate: rare })
      .on(work.keyed, note('keyed'), { rate: { ...rare, key: () => 'one' } })
      .onBatch(work.batched, note('batched') as never, { batch: { size: 100, wait: '1h' } })
    const first = await createBus({ ...quiet, services: [waiting] })
    for (const kind of kinds) for (let n = 0; n < 5; n++) await first.send(work[kind], n)
    await expect.poll(() => begun.toSorted()).toEqual(['keyed 0', 'rated 0'])
    await expect
      .poll(async () => (await first.health()).broker.groups.map(({ depth }) => depth), { timeout: 15_000 })
      .toEqual([0, 0, 0, 0]) // all of it is here
    const startedAt = performance.now()
    await first.drain('20s')
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    const handled: string[] = []
    const attempts = new Set<number>()
    const plain = kinds.reduce(
      (made, kind) =>
        made.on(work[kind], (n, { attempt }) => {
          handled.push(`${kind} ${n}`)
          attempts.add(attempt)
        }),
      service('worker'),
    )
    await using second = await createBus({ ...quiet, services: [plain] })
    await expect.poll(() => handled.length, { timeout: 20_000 }).toBe(18)
    expect([...attempts]).toEqual([1])
    expect((await second.health()).broker.groups.every(({ deadLetters }) => deadLetters === 0)).toBe(true)
  })
})
