// What createBus() refuses on a real engine, and that nothing is consumed then.
import { afterAll, expect, test } from 'vitest'
import { command, contract, event, type } from '../../contract/contract.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { deleteEntities, NO_RABBITMQ, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { embedded } from '../../transports/embedded/embedded.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import type { Bus } from '../bus.ts'
import type { BusOptions } from '../settings/bus-options.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import type { HandlerOptions, SubscriberOptions } from '../service/handler-options.ts'

const unique = uniqueName('refused')
const shop = contract(
  unique,
  { shards: 2 },
  { paid: event(type<{ id: string }>(), { key: ({ id }) => id }), pay: command(type<number>()) },
)
const nothing = (): void => {}
const start = (options: BusOptions): Promise<Bus> => createBus({ logger: silentLogger, drainOn: [], ...options })

const onMemory = (options: SubscriberOptions): Promise<Bus> =>
  start({ transport: embedded({ memory: true }), services: [service('till').on(shop.paid, nothing, options)] })

test.each<[string, SubscriberOptions, string]>([
  ['a start in the past', { start: 'earliest' }, 'begins at the earliest message, which embedded cannot'],
  ['a start at a time', { start: { time: 1 } }, 'begins at a time, which embedded cannot'],
  ['a broadcast from the past', { broadcast: true, start: 'earliest' }, 'begins in the past, which embedded cannot'],
  ['an ordered broadcast', { broadcast: true, ordered: true }, 'is a broadcast and ordered'],
])('embedded: %s is refused', async (_, options, what) => {
  await expect(onMemory(options)).rejects.toMatchObject({
    code: 'WAYBILL_UNSUPPORTED',
    message: expect.stringContaining(what) as string,
  })
})

test('embedded: a delay beyond the longest is refused', async () => {
  const starting = onMemory({ retry: { attempts: 3, base: '9999d', max: '9999d' } })
  await expect(starting).rejects.toMatchObject({ code: 'WAYBILL_LIMIT', cure: 'Lower `retry.max`.' })
})

describeNeeding(NO_RABBITMQ)('rabbitmq', () => {
  afterAll(async () => {
    const pay = `${unique}.pay`
    await deleteEntities({
      queues: [pay, `${pay}:till:dead`],
      exchanges: [`${pay}:owner`, `${pay}:layout`],
    })
  })

  const onRabbitmq = (options: HandlerOptions, consumerTimeout?: '2h' | 'none'): Promise<Bus> =>
    start({
      transport: rabbitmq({ url: RABBITMQ_URL, ...(consumerTimeout === undefined ? {} : { consumerTimeout }) }),
      services: [service('till').on(shop.pay, nothing, options)],
    })

  test('a handler that may outlast the consumer time-out is refused, and has claimed nothing', async () => {
    await expect(onRabbitmq({ timeout: '1h' })).rejects.toMatchObject({
      code: 'WAYBILL_LIMIT',
      message: expect.stringContaining('takes back what is not settled within 30 min (assumed)') as string,
    })
    await using bus = await start({ transport: rabbitmq({ url: RABBITMQ_URL }) })
    await expect(bus.send(shop.pay, 1)).rejects.toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
  })

  test('the same handler runs where a longer time-out was told', async () => {
    await using bus = await onRabbitmq({ timeout: '1h' }, '2h')
    const { routes } = await bus.explain()
    expect(routes).toMatchObject([{ limits: { settleWithinMs: { value: 7_200_000, source: 'told' } }, problems: [] }])
  })
})
