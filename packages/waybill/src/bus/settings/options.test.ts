// Mistakes in options are refused before anything is opened.
import { expect, test } from 'vitest'
import { command, contract, event, type } from '../../contract/contract.ts'
import type { BusOptions } from './bus-options.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { planSubscriptions } from '../service/plan-subscriptions.ts'
import { circuitBreaker } from '../../resilience/circuit-breaker.ts'
import { service } from '../service/service.ts'
import type { BatchOptions, SubscriberOptions } from '../service/handler-options.ts'
import { stubTransport } from '../stub-transport.test-support.ts'

const shop = contract('shop', {
  paid: event(type<number>()),
  sent: event(type<number>()),
  pay: command(type<number>()),
  ticked: event(type<number>(), { stored: false }),
})
const nothing = (): void => {}
const unopened = () => expect.unreachable('nothing is opened')
const as = (value: unknown): never => value as never // what a caller without types may pass

test.each<[string, SubscriberOptions]>([
  ['concurrency', { concurrency: 0 }],
  ['concurrency', { concurrency: -1 }],
  ['concurrency', { concurrency: NaN }],
  ['concurrency', { concurrency: 1e6 }],
  ['prefetch', { prefetch: 0 }],
  ['prefetch', { prefetch: 65_536 }],
  ['timeout', { timeout: 0 }],
  ['a duration', { timeout: as('soon') }],
  ['group', { group: 'a:b' }],
  ['group', { group: '' }],
  ['unknown', { unknown: as('drop') }],
  ['start', { start: as('yesterday') }],
  ['start.time', { start: { time: NaN } }],
  ['retry.attempts', { retry: { attempts: 0 } }],
  ['retry.backoff', { retry: { backoff: as('linear') } }],
  ['retry.giveUpOn', { retry: { giveUpOn: as(['CardDeclined']) } }],
  ['a duration', { retry: { base: -1 } }],
  ['retry.retryOn', { retry: { retryOn: [] } }],
  ['bulkhead of s on shop.paid must be', { bulkhead: 0 }],
  ['rate of s on shop.paid.limit', { rate: { limit: 0, per: '1s' } }],
  ['rate.key of s on shop.paid', { rate: { limit: 1, per: '1s', key: as('id') } }],
  ['breaker of s on shop.paid must be what circuitBreaker() has made', { breaker: as({ name: 'mine' }) }],
  ['breaker and killSwitch of s on shop.paid contradict', { breaker: circuitBreaker('b'), killSwitch: {} }],
  ['killSwitch.timeout', { killSwitch: as({ timeout: '1s' }) }],
  ['failureRate', { killSwitch: { failureRate: 3 } }],
])('createBus() refuses a handler option, naming %s: %o', async (what, options) => {
  const services = [service('s').on(shop.paid, nothing, options)]
  const starting = createBus({ transport: unopened, logger: silentLogger, services })
  await expect(starting).rejects.toThrow(TypeError)
  await expect(createBus({ transport: unopened, logger: silentLogger, services })).rejects.toThrow(what)
})

test.each<SubscriberOptions>([{ ordered: true }, { group: 'g' }, { broadcast: true }, { start: 'now' }])(
  'createBus() refuses %o for an event that is not stored',
  async (options) => {
    const services = [service('s').on(shop.ticked, nothing, as(options))]
    const starting = createBus({ transport: unopened, logger: silentLogger, services })
    await expect(starting).rejects.toThrow(TypeError)
    await expect(starting).rejects.toThrow(`${Object.keys(options)[0]} of s on shop.ticked: the event is not stored`)
  },
)

test('publish() refuses to delay an event that is not stored', async () => {
  await using bus = await createBus({ transport: () => stubTransport().transport, logger: silentLogger })
  await expect(bus.publish(shop.ticked, 1, { delay: '1s' })).rejects.toThrow('shop.ticked is not stored')
})

test('planSubscriptions() gives each instance the events that are not stored, under a label of their own', () => {
  const both = service('s').on(shop.paid, nothing).on(shop.ticked, nothing)
  expect(planSubscriptions([both]).map(({ group, transient }) => [group.channel.kind, group.name, group.types, transient])).toEqual([
    ['events', 's', ['shop.paid'], false],
    ['signals', 's.signals', ['shop.ticked'], true],
  ]) // prettier-ignore
})

test.each<[string, BatchOptions]>([
  ['batch.size', { batch: { size: 0 } }],
  ['a duration', { batch: { size: 1, wait: as('soon') } }],
  ['prefetch of s on shop.paid is 5: a batch of 6 would never be full', { batch: { size: 6 }, prefetch: 5 }],
  ['rate.key of s on shop.paid', { batch: { size: 6 }, rate: { limit: 1, per: '1s', key: () => '' } }],
])('createBus() refuses an option of batches, naming %s', async (what, options) => {
  const services = [service('s').onBatch(shop.paid, nothing, options)]
  await expect(createBus({ transport: unopened, logger: silentLogger, services })).rejects.toThrow(what)
})

test('createBus() refuses batches of a command whose sender wants a reply', async () => {
  const asked = contract('asked', { go: command(type<number>(), { reply: type<number>() }) })
  const services = [service('s').onBatch(as(asked.go), nothing, { batch: { size: 2 } })]
  await expect(createBus({ transport: unopened, logger: silentLogger, services })).rejects.toThrow('onBatch of s')
})

test.each<[string, BusOptions]>([
  ['name', { name: 'my bus' }],
  ['maxDeliveries', { maxDeliveries: 0 }],
  ['warnBodyBytes', { warnBodyBytes: -1 }],
  ['middleware', { middleware: as(['log']) }],
  ['declare', { declare: as([shop.paid]) }],
  ['a duration', { sendTimeout: as('long') }],
])('createBus() refuses an option, naming %s', async (what, options) => {
  await expect(createBus({ transport: unopened, logger: silentLogger, ...options })).rejects.toThrow(what)
})

test('createBus() refuses a middleware that returns no handler, and closes', async () => {
  const stub = stubTransport()
  const services = [
    service('s')
      .on(shop.paid, nothing)
      .use(as(() => undefined)),
  ]
  const starting = createBus({ transport: () => stub.transport, logger: silentLogger, services })
  await expect(starting).rejects.toThrow('a middleware of s returned no handler for shop.paid')
  expect(stub.calls).toEqual(['close'])
})

test('tune() refuses what an engine cannot do, and the prefetch that follows stays within', async () => {
  const stub = stubTransport()
  const services = [service('s').on(shop.paid, nothing)]
  await using bus = await createBus({ transport: () => stub.transport, logger: silentLogger, drainOn: [], services })
  const control = bus.subscription('s', shop.paid)
  for (const limits of [{ concurrency: 0 }, { prefetch: 65_536 }, { concurrency: 10_001 }])
    expect(() => control.tune(limits)).toThrow(TypeError)
  control.tune({ concurrency: 10_000 })
  expect([control.concurrency, control.prefetch]).toEqual([10_000, 20_000])
  expect(stub.subscriptions[0]?.flows).toEqual([20_000])
})

test('the prefetch is two batches for each that runs, also when the concurrency is changed', async () => {
  const stub = stubTransport()
  const services = [service('s').onBatch(shop.paid, nothing, { batch: { size: 50 } })]
  await using bus = await createBus({ transport: () => stub.transport, logger: silentLogger, drainOn: [], services })
  const control = bus.subscription('s', shop.paid)
  expect([control.concurrency, control.prefetch]).toEqual([1, 100])
  control.tune({ concurrency: 4 })
  expect(control.prefetch).toBe(400)
})

test('planSubscriptions() puts handlers that name the group of their service into its subscription', () => {
  const plans = planSubscriptions([service('s').on(shop.paid, nothing).on(shop.sent, nothing, { group: 's' })])
  expect(plans.map(({ group }) => [group.name, group.types])).toEqual([['s', ['shop.paid', 'shop.sent']]])
})

test('planSubscriptions() refuses one group for two services, which would put aside what the other handles', () => {
  const services = [service('a').on(shop.paid, nothing), service('b').on(shop.sent, nothing, { group: 'a' })]
  expect(() => planSubscriptions(services)).toThrow('a and b both use the group a of shop')
})

test('planSubscriptions() gives a broadcast a label of its own', () => {
  const both = service('s').on(shop.paid, nothing).on(shop.paid, nothing, { broadcast: true })
  expect(planSubscriptions([both]).map(({ group, transient }) => [group.name, transient])).toEqual([
    ['s', false],
    ['s.broadcast', true],
  ])
})

test('planSubscriptions() refuses handlers of one subscription that start at different places', () => {
  const torn = service('s').on(shop.paid, nothing, { start: 'earliest' }).on(shop.sent, nothing, { start: 'now' })
  expect(() => planSubscriptions([torn])).toThrow('shop.sent shares a subscription that starts elsewhere')
  const agreed = service('s').on(shop.paid, nothing).on(shop.sent, nothing, { start: 'earliest' })
  expect(planSubscriptions([agreed])[0]?.start).toBe('earliest')
})

test('service() knows a twin by its type, and refuses a handler that is none', () => {
  const copy = contract('shop', { paid: event(type<number>()) })
  expect(() => service('s').on(shop.paid, nothing).on(copy.paid, nothing)).toThrow('twice')
  expect(() => service('s').on(shop.paid, nothing).on(shop.paid, nothing, { broadcast: false })).toThrow('twice')
  expect(() => service('s').on(shop.paid, as(undefined))).toThrow('the handler of shop.paid is not a function')
})
