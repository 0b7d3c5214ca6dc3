import { expect, test } from 'vitest'
import { WaybillError } from '../message/errors.ts'
import { virtualRuntime, type VirtualRuntime } from '../runtime/virtual-runtime.ts'
import type { EngineFacts, RouteFacts } from './engine-facts.ts'
import type { Engine, EngineEvents, EngineSubscription, InspectedGroup, Standing } from './engine.ts'
import { channel, group, message } from './fixtures.test-support.ts'
import { LinkedTransport } from './linked-transport.ts'
import type { TransportEvent } from './transport-event.ts'
import type { Group, SendResult, SubscriptionSpec } from './transport.ts'

const orders = channel('events', 'orders')
const shipping = group(orders, 'shipping')
const spec: SubscriptionSpec = { group: shipping, transient: false, prefetch: 1 }
const letters = { limit: 1, batch: 1, decide: () => Promise.resolve([]) }

type Step = () => Promise<void>
const now: Step = () => Promise.resolve()

class ModelSubscription implements EngineSubscription {
  readonly address = undefined
  readonly #engine: ModelEngine
  readonly #closed: () => void

  constructor(engine: ModelEngine, closed: () => void) {
    this.#engine = engine
    this.#closed = closed
  }

  start(): Promise<void> {
    return this.#engine.steps.start()
  }

  settle(): void {}

  flow(): void {}

  linkUp(): void {
    this.#engine.calls.push('subscription up')
  }

  linkDown(): void {
    this.#engine.calls.push('subscription down')
  }

  async close(deadlineMs: number): Promise<void> {
    this.#engine.calls.push(`subscription closes within ${deadlineMs}`)
    await this.#engine.steps.leave()
    this.#closed()
  }
}

/** What it is asked is in `calls`; what each of its steps waits for is in `steps`. */
class ModelEngine implements Engine<ModelSubscription> {
  readonly name = 'model'
  readonly title = 'Model'
  readonly events: EngineEvents
  readonly calls: string[] = []
  readonly steps: Record<'connect' | 'declare' | 'restore' | 'start' | 'leave' | 'idle' | 'close' | 'inspect', Step> = {
    connect: now, declare: now, restore: now, start: now, leave: now, idle: now, close: now, inspect: now,
  } // prettier-ignore
  isUp = false
  lag = 0

  constructor(events: EngineEvents) {
    this.events = events
  }

  async connect(): Promise<EngineFacts> {
    this.calls.push('connect')
    await this.steps.connect()
    this.isUp = true
    this.events.up()
    return {} as EngineFacts // the shell hands them on
  }

  /** The link breaks. */
  lose(): void {
    this.isUp = false
    this.events.down(new Error('reset'))
  }

  find(): void {
    this.isUp = true
    this.events.up()
  }

  begin(): void {
    this.calls.push('begin')
  }

  restore(): Promise<void> {
    this.calls.push('restore')
    return this.steps.restore()
  }

  resume(): void {
    this.calls.push('resume')
  }

  declareChannel({ name }: Group['channel']): Promise<void> {
    this.calls.push(`declare ${name}`)
    return this.steps.declare()
  }

  declareGroup({ name }: Group): Promise<void> {
    this.calls.push(`declare ${name}`)
    return this.steps.declare()
  }

  send(): Promise<readonly SendResult[]> {
    return Promise.resolve([{ outcome: 'accepted' }])
  }

  newSubscription(
    _: SubscriptionSpec,
    __: unknown,
    closed: () => void,
  ): ModelSubscription | Promise<ModelSubscription> {
    return new ModelSubscription(this, closed)
  }

  returnAddress({ name }: Group['channel']): string {
    return `to ${name}`
  }

  async routeFacts(): Promise<RouteFacts> {
    await this.steps.inspect()
    return {} as RouteFacts // the shell hands them on
  }

  visitDeadLetters(): Promise<void> {
    return this.steps.inspect()
  }

  async inspectGroup({ channel: { name }, name: of }: Group): Promise<InspectedGroup> {
    await this.steps.inspect()
    return { snapshot: { channel: name, group: of, depth: 0, consumers: 1, deadLetters: 0 }, lag: this.lag }
  }

  standing(_: ModelSubscription, found: InspectedGroup | undefined): Standing {
    return { since: 7, lag: found?.lag ?? -1 }
  }

  end(closed: WaybillError): void {
    this.calls.push(`end ${closed.code}`)
  }

  idle(): Promise<void> {
    this.calls.push('idle')
    return this.steps.idle()
  }

  async close(leftMs: number): Promise<void> {
    this.calls.push(`close within ${leftMs}`)
    await this.steps.close()
    this.isUp = false
  }
}

interface Bench {
  readonly runtime: VirtualRuntime
  readonly engine: ModelEngine
  readonly transport: LinkedTransport<ModelSubscription>
  readonly events: TransportEvent[]
  /** Types of the events since it was last asked. */
  told(): readonly string[]
}

function bench(): Bench {
  const runtime = virtualRuntime()
  let engine: ModelEngine | undefined
  const transport = new LinkedTransport<ModelSubscription>(runtime, (to) => (engine = new ModelEngine(to)))
  const events: TransportEvent[] = []
  transport.onEvent((event) => void events.push(event))
  // `make` was called.
  return {
    runtime,
    engine: engine as unknown as ModelEngine,
    transport,
    events,
    told: () => events.splice(0).map(({ type }) => type),
  }
}

async function opened(): Promise<Bench> {
  const b = bench()
  await b.transport.connect(new AbortController().signal)
  return b
}

const subscribed = (b: Bench, of: Partial<SubscriptionSpec> = {}): Promise<unknown> =>
  b.transport.subscribe({ ...spec, ...of }, () => undefined)

/** Each operation that needs an open transport. */
const operations = ({ transport }: Bench): readonly (() => Promise<unknown>)[] => [
  () => transport.declare({ channels: [orders], groups: [] }),
  () => transport.send([]),
  () => transport.subscribe(spec, () => undefined),
  () => transport.routeFacts(shipping),
  () => transport.visitDeadLetters(shipping, letters),
  () => transport.inspect(),
]

test('connect() opens the transport once, and tells nobody of the first link', async () => {
  const b = bench()
  for (const operation of operations(b))
    await expect(operation()).rejects.toThrow('the Model transport is not connected')
  await b.transport.connect(new AbortController().signal)
  await b.runtime.settle()
  expect([b.transport.name, b.engine.calls, b.told()]).toEqual(['model', ['connect', 'begin'], []])
  await expect(b.transport.connect(new AbortController().signal)).rejects.toThrow('connect() is called once')
  for (const operation of operations(b)) await operation()
})

test('connect() that failed may be called again', async () => {
  const b = bench()
  b.engine.steps.connect = () => Promise.reject(new WaybillError('WAYBILL_ACCESS_REFUSED', 'no'))
  await expect(b.transport.connect(new AbortController().signal)).rejects.toMatchObject({
    code: 'WAYBILL_ACCESS_REFUSED',
  })
  b.engine.steps.connect = now
  await b.transport.connect(new AbortController().signal)
})

test('abort during connect(): WAYBILL_ABORTED, with the reason; what else went wrong outweighs it', async () => {
  const b = bench()
  const already = AbortSignal.abort()
  await expect(b.transport.connect(already)).rejects.toMatchObject({
    code: 'WAYBILL_ABORTED',
    cause: already.reason as unknown,
  })
  expect(b.engine.calls).toEqual([])
  const abort = new AbortController()
  b.engine.steps.connect = () => {
    abort.abort(new Error('enough'))
    return Promise.reject(abort.signal.reason as Error)
  }
  await expect(b.transport.connect(abort.signal)).rejects.toMatchObject({
    code: 'WAYBILL_ABORTED',
    message: expect.stringContaining('connect() of the Model transport was aborted') as string,
    cause: { message: 'enough' },
  })
  b.engine.steps.connect = () => Promise.reject(new WaybillError('WAYBILL_ACCESS_REFUSED', 'no'))
  const late = new AbortController()
  const connecting = b.transport.connect(late.signal)
  late.abort()
  await expect(connecting).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
})

test.each(['resolves', 'rejects'])(
  'close() during connect(): WAYBILL_CLOSED, also where the engine %s',
  async (how) => {
    const b = bench()
    const connected = Promise.withResolvers<void>()
    b.engine.steps.connect = () => connected.promise
    const connecting = expect(b.transport.connect(new AbortController().signal)).rejects.toMatchObject({
      code: 'WAYBILL_CLOSED',
    })
    await b.runtime.settle()
    const closing = b.transport.close(0)
    if (how === 'resolves') connected.resolve()
    else connected.reject(new Error('ended'))
    await Promise.all([connecting, closing])
    expect(b.engine.calls).not.toContain('begin')
    for (const operation of [...operations(b), () => b.transport.connect(new AbortController().signal)])
      await expect(operation()).rejects.toThrow('the Model transport is closed')
  },
)

test.each(['resolves', 'rejects'])(
  'close() during subscribe(): WAYBILL_CLOSED, and it is taken back; its start %s',
  async (how) => {
    const b = await opened()
    const started = Promise.withResolvers<void>()
    b.engine.steps.start = () => started.promise
    const subscribing = expect(subscribed(b)).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
    await b.runtime.advance(0)
    expect(b.runtime.held).toEqual(['subscribing'])
    const closing = b.transport.close(5)
    if (how === 'resolves') started.resolve()
    else started.reject(new WaybillError('WAYBILL_NOT_CONNECTED', 'the link broke'))
    await Promise.all([subscribing, closing])
    expect(b.engine.calls).toContain('subscription closes within 0')
    expect(b.runtime.held).toEqual([])
  },
)

test('close() before a subscription has been made: it is not begun', async () => {
  const b = await opened()
  const made = Promise.withResolvers<ModelSubscription>()
  b.engine.newSubscription = () => made.promise
  const subscribing = expect(subscribed(b)).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
  await b.transport.close(0)
  let started = 0
  b.engine.steps.start = () => Promise.resolve(void started++)
  made.resolve(new ModelSubscription(b.engine, () => undefined))
  await subscribing
  expect(started).toBe(0)
})

test('an operation that fails because the transport was closed meanwhile rejects with WAYBILL_CLOSED', async () => {
  const b = await opened()
  await b.transport.declare({ channels: [], groups: [shipping] })
  const broken = Promise.withResolvers<void>()
  Object.assign(b.engine.steps, {
    declare: () => broken.promise,
    inspect: () => broken.promise,
    start: () => broken.promise,
  })
  const [declaring, , subscribing, facts, visit, inspecting] = operations(b)
  const outcomes = [declaring, subscribing, facts, visit, inspecting].map((each) =>
    expect(each?.()).rejects.toMatchObject({ code: 'WAYBILL_CLOSED', cause: { message: 'broken' } }),
  )
  await b.runtime.advance(0)
  const closing = b.transport.close(0)
  broken.reject(new Error('broken'))
  await Promise.all([...outcomes, closing])
})

test('what a client throws is told as an error of ours; what a user throws, and what he does wrong, as it is', async () => {
  const b = await opened()
  await b.transport.declare({ channels: [], groups: [shipping] })
  const native = new Error('SQLSTATE')
  const fail: Step = () => Promise.reject(native)
  Object.assign(b.engine, { errorOf: (cause: unknown) => new WaybillError('WAYBILL_REFUSED', 'no', { cause }) })
  Object.assign(b.engine.steps, { declare: fail, inspect: fail, start: fail })
  const [declaring, , subscribing, facts, visit, inspecting] = operations(b)
  for (const each of [declaring, subscribing, facts, inspecting])
    await expect(each?.()).rejects.toMatchObject({ code: 'WAYBILL_REFUSED', cause: native })
  await expect(visit?.()).rejects.toBe(native)
  await expect(subscribed(b, { prefetch: 0 })).rejects.toThrow(TypeError)
})

test('a subscription that does not begin is taken back, and the reason is that it did not', async () => {
  const b = await opened()
  b.engine.steps.start = () => Promise.reject(new Error('not there'))
  b.engine.steps.leave = () => Promise.reject(new Error('nor that'))
  await expect(subscribed(b)).rejects.toThrow('not there')
  expect(b.engine.calls.at(-1)).toBe('subscription closes within 0')
})

test('what no engine can do is refused before it is asked', async () => {
  const b = await opened()
  const refused: readonly (readonly [Promise<unknown>, string])[] = [
    [subscribed(b, { prefetch: 0 }), 'prefetch'],
    [subscribed(b, { transient: true, group: group(channel('command', 'place'), 'shop') }), 'one owner'],
    [subscribed(b, { transient: true, group: group(orders, 'shop', { ordered: true }) }), 'transient and ordered'],
    [b.transport.declare({ channels: [channel('events', 'a b')], groups: [] }), 'letters'],
    [b.transport.routeFacts(group(orders, '')), 'no name'],
    [b.transport.visitDeadLetters(shipping, { ...letters, limit: 0 }), 'limit'],
  ]
  for (const [each, why] of refused) await expect(each).rejects.toThrow(why)
  expect(() => b.transport.addressOf(orders)).toThrow('has no return address')
  expect(b.engine.calls).toEqual(['connect', 'begin'])
  expect(b.transport.addressOf(channel('reply', 'shop'))).toBe('to shop')
})

test('a link that was lost: declared again, then told, then the engine and its subscriptions', async () => {
  const b = await opened()
  await subscribed(b)
  b.engine.calls.length = 0
  b.engine.lose()
  expect([b.engine.calls.splice(0), b.told()]).toEqual([['subscription down'], ['disconnected']])
  const restored = Promise.withResolvers<void>()
  b.engine.steps.restore = () => restored.promise
  b.engine.find()
  await b.runtime.advance(0)
  expect([b.engine.calls, b.told(), b.runtime.held]).toEqual([['restore'], [], ['taking up the link']])
  restored.resolve()
  await b.runtime.settle()
  expect([b.engine.calls, b.told()]).toEqual([['restore', 'resume', 'subscription up'], ['connected']])
})

test('what cannot be declared again is told, and does not hold up the subscriptions', async () => {
  const b = await opened()
  await subscribed(b)
  b.engine.lose()
  b.engine.steps.restore = () => Promise.reject(new Error('no'))
  b.engine.find()
  await b.runtime.settle()
  expect([b.told(), b.engine.calls.at(-1)]).toEqual([['disconnected', 'error', 'connected'], 'subscription up'])
})

test('a flapping link: what was taken up for a link that is gone again is not told', async () => {
  const b = await opened()
  await subscribed(b)
  const first = Promise.withResolvers<void>()
  b.engine.steps.restore = () => first.promise
  b.engine.lose()
  b.engine.find()
  await b.runtime.advance(0)
  b.engine.lose()
  b.engine.steps.restore = now
  b.engine.find()
  first.reject(new Error('the link broke'))
  await b.runtime.settle()
  expect(b.told()).toEqual(['disconnected', 'disconnected', 'connected'])
  expect(b.engine.calls.filter((call) => call === 'subscription up')).toHaveLength(1)
})

test('what the engine tells goes through', async () => {
  const b = await opened()
  b.engine.events.trouble(new Error('away'))
  b.engine.events.emit({ type: 'unblocked' })
  expect(b.told()).toEqual(['trouble', 'unblocked'])
})

test('inspect() joins groups and subscriptions, and keeps what it knew while the link is down', async () => {
  const b = await opened()
  await b.transport.declare({ channels: [], groups: [group(orders, 'mail')] })
  await subscribed(b)
  await subscribed(b, { transient: true, group: group(orders, 'screen') })
  b.engine.lag = 3
  const named = { channel: 'orders', depth: 0, consumers: 1, deadLetters: 0 }
  const screen = { channel: 'orders', group: 'screen', attached: true, since: 7, lag: -1 }
  const member = { channel: 'orders', group: 'shipping', attached: true, since: 7, lag: 3 }
  expect(await b.transport.inspect()).toEqual({
    connected: true,
    groups: [{ ...named, group: 'mail' }, { ...named, group: 'shipping' }],
    subscriptions: [member, screen],
  }) // prettier-ignore
  b.engine.lose()
  const detached = { attached: false, since: undefined }
  expect(await b.transport.inspect()).toEqual({
    connected: false,
    groups: [],
    subscriptions: [{ ...member, ...detached }, { ...screen, ...detached }],
  }) // prettier-ignore
})

test('close(): nothing new, subscriptions, what was handed over, then the link; once', async () => {
  const b = await opened()
  await subscribed(b)
  await subscribed(b)
  const left = Promise.withResolvers<void>()
  b.engine.steps.leave = () => left.promise
  b.engine.calls.length = 0
  const closing = b.transport.close(100)
  expect(b.transport.close(5)).toBe(closing)
  await b.runtime.advance(40)
  const goodbye = 'subscription closes within 100'
  expect(b.engine.calls).toEqual(['end WAYBILL_CLOSED', goodbye, goodbye])
  left.resolve()
  await closing
  expect(b.engine.calls.slice(3)).toEqual(['idle', 'close within 60'])
  expect(b.runtime.timers).toEqual([])
  b.engine.events.emit({ type: 'unblocked' })
  expect(b.told()).toEqual([])
})

test('close() waits for no subscription that cannot say goodbye for longer than its deadline and a little', async () => {
  const b = await opened()
  await subscribed(b)
  b.engine.steps.leave = () => new Promise(() => undefined)
  let isClosed = false
  const closing = b.transport.close(100).then(() => (isClosed = true))
  await b.runtime.advance(1_599)
  expect(isClosed).toBe(false)
  await b.runtime.advance(1)
  await closing
  expect(b.engine.calls.slice(-1)).toEqual(['close within 0'])
})

test('a subscription whose goodbye fails is told of, and the transport closes', async () => {
  const b = await opened()
  await subscribed(b)
  b.engine.steps.leave = () => Promise.reject(new Error('not settled'))
  await b.transport.close(0)
  expect(b.events).toMatchObject([{ type: 'error', error: { message: 'not settled' } }])
})

test('a link that is lost, and found, while the transport closes is told to nobody', async () => {
  const b = await opened()
  await subscribed(b)
  const idle = Promise.withResolvers<void>()
  b.engine.steps.idle = () => idle.promise
  const closing = b.transport.close(100)
  b.engine.lose()
  b.engine.find()
  idle.resolve()
  await closing
  await b.runtime.settle()
  expect([b.told(), b.engine.calls.includes('restore'), b.engine.calls.includes('subscription down')]).toEqual([
    [],
    false,
    false,
  ])
})

test('close() while a link is being taken up: that is not told any more', async () => {
  const b = await opened()
  const restored = Promise.withResolvers<void>()
  b.engine.steps.restore = () => restored.promise
  b.engine.lose()
  b.engine.find()
  const closing = b.transport.close(0)
  restored.resolve()
  await closing
  await b.runtime.settle()
  expect(b.told()).toEqual(['disconnected'])
})

test('sendWithin() is there where the engine has it', async () => {
  const b = await opened()
  expect(b.transport.sendWithin).toBeUndefined()
  class DatabaseEngine extends ModelEngine {
    sendWithin(tx: unknown): Promise<readonly SendResult[]> {
      this.calls.push(`within ${String(tx)}`)
      return this.send()
    }
  }
  const transport = new LinkedTransport<ModelSubscription>(b.runtime, (to) => new DatabaseEngine(to))
  await expect(transport.sendWithin?.('tx', [])).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  await transport.connect(new AbortController().signal)
  expect(await transport.sendWithin?.('tx', [{ message: message('1'), to: orders }])).toEqual([{ outcome: 'accepted' }])
})
