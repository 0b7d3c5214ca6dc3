import { describe, expect, test } from 'vitest'
import { WaybillError } from '../message/errors.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { channel, group, message } from './fixtures.test-support.ts'
import { LocalSubscription } from './local-subscription.ts'
import type { Intake, LocalAttachment, LocalSource } from './local-source.ts'
import type { TransportEvent } from './transport-event.ts'
import type { Delivery, Settlement } from './transport.ts'

/** Of one attachment: what it was told, and the means to answer. */
interface Attached {
  readonly intake: Intake
  readonly told: string[]
  readonly begun: () => void
  readonly failed: (error: Error) => void
  readonly left: () => void
}

/** An engine that answers when it is told to. */
class Engine implements LocalSource {
  readonly address = undefined
  readonly hasGaps: boolean
  readonly attachments: Attached[] = []
  isDown = false

  constructor(hasGaps = true) {
    this.hasGaps = hasGaps
  }

  /** The one of now. */
  get last(): Attached {
    return this.attachments.at(-1) ?? expect.fail('nothing is attached')
  }

  attachment(intake: Intake): LocalAttachment {
    if (this.isDown) throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the link is down')
    const told: string[] = []
    const beginning = Promise.withResolvers<void>()
    const leaving = Promise.withResolvers<void>()
    this.attachments.push({ intake, told, begun: beginning.resolve, failed: beginning.reject, left: leaving.resolve })
    const saying = async (what: string, answer: Promise<void>): Promise<void> => {
      told.push(what)
      await answer
    }
    return {
      begin: () => saying('begin', beginning.promise),
      freed: () => void told.push('freed'),
      rejected: (delivery, { reason }) => void told.push(`${reason} ${delivery.message.id}`),
      leave: () => saying('leave', leaving.promise),
      end: () => void told.push('end'),
    }
  }
}

/** As much of it as may wait. */
const BIG = { body: new Uint8Array(2 ** 20) }
const MOST_WAITING = 64
const down = new Error('cut')
const prices = group(channel('signals', 'prices'), 'till')

function subscribed({ hasGaps = true, prefetch = 2 } = {}) {
  const runtime = virtualRuntime()
  const engine = new Engine(hasGaps)
  const events: TransportEvent[] = []
  const unsettled: Delivery[] = []
  const came: string[] = []
  let closed = 0
  const subscription = new LocalSubscription(
    { group: prices, transient: true, prefetch },
    { runtime, emit: (event) => void events.push(event) },
    (batch) => {
      unsettled.push(...batch)
      came.push(...batch.map((delivery) => delivery.message.id))
    },
    () => void closed++,
    engine,
  )
  /** What becomes of a promise, so far. */
  const followed = (promise: Promise<unknown>): { outcome: unknown } => {
    const so: { outcome: unknown } = { outcome: 'pending' }
    promise.then(
      () => (so.outcome = 'done'),
      (error: unknown) => (so.outcome = error),
    )
    return so
  }
  const started = async (): Promise<Attached> => {
    const starting = subscription.start()
    engine.last.begun()
    await starting
    return engine.last
  }
  const settle = (how: 'ack' | 'reject' | 'retry', afterMs = 0): void => {
    const as = { ack: {}, reject: { reason: 'failed', detail: 'no' }, retry: { afterMs, attempt: 2 } }[how]
    subscription.settle(unsettled.splice(0).map((delivery) => ({ delivery, action: how, ...as }) as Settlement)) // as told
  }
  return {
    runtime, engine, subscription, came, unsettled, followed, started, settle, types: () => events.map(({ type }) => type),
    events, get closed() { return closed },
  } // prettier-ignore
}

describe('LocalSubscription: start()', () => {
  test('resolves when its attachment has begun, and then there is room', async () => {
    const { subscription, engine, followed, runtime } = subscribed()
    const starting = followed(subscription.start())
    await runtime.settle()
    expect([starting.outcome, subscription.attachedSince]).toEqual(['pending', undefined])
    engine.last.begun()
    await runtime.settle()
    expect([starting.outcome, subscription.attachedSince]).toEqual(['done', runtime.now()])
    expect(engine.last.told).toEqual(['begin', 'freed'])
    expect(engine.last.intake.room()).toBe(2)
  })

  test('rejects with what its attachment says, which is ended', async () => {
    const { subscription, engine, types } = subscribed()
    const starting = subscription.start()
    const refused = new WaybillError('WAYBILL_ACCESS_REFUSED', 'not you')
    engine.last.failed(refused)
    await expect(starting).rejects.toBe(refused)
    expect([engine.last.told, types()]).toEqual([['begin', 'end'], []])
  })

  test('link down meanwhile: rejects, reports nothing, and is not taken up: nobody has it', async () => {
    const { subscription, engine, types, runtime } = subscribed()
    const starting = subscription.start()
    subscription.linkDown(down)
    // Late, and yet in vain.
    engine.last.begun()
    await expect(starting).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED', cause: down })
    subscription.linkUp()
    await runtime.advance(60_000)
    expect([engine.last.told, types(), subscription.attachedSince]).toEqual([['begin', 'end'], [], undefined])
    expect(engine.attachments.length).toBe(1)
  })

  test('link down meanwhile: its attachment is ended when it has answered, not before', async () => {
    const { subscription, engine, followed, runtime } = subscribed()
    const starting = followed(subscription.start())
    subscription.linkDown(down)
    await runtime.settle()
    expect(engine.last.told).toEqual(['begin'])
    const broken = new Error('connection reset')
    engine.last.failed(broken)
    await runtime.settle()
    expect([engine.last.told, starting.outcome]).toEqual([['begin', 'end'], broken])
  })

  test('the server ends it meanwhile: rejects with the reason, and reports nothing', async () => {
    const { subscription, engine, types } = subscribed()
    const starting = subscription.start()
    const refused = new Error('no permission')
    engine.last.intake.lost(refused)
    engine.last.begun()
    await expect(starting).rejects.toBe(refused)
    expect([engine.last.told, types()]).toEqual([['begin', 'end'], []])
  })

  test('closed meanwhile: rejects; the server is told once it has answered, and close() waits for that', async () => {
    const service = subscribed()
    const { subscription, engine, followed, runtime } = service
    const [starting, closing] = [followed(subscription.start()), followed(subscription.close(0))]
    await runtime.settle()
    expect([engine.last.told, closing.outcome]).toEqual([['begin'], 'pending'])
    engine.last.begun()
    await runtime.settle()
    expect([engine.last.told, closing.outcome]).toEqual([['begin', 'leave'], 'pending'])
    expect(starting.outcome).toMatchObject({ code: 'WAYBILL_CLOSED' })
    engine.last.left()
    await runtime.settle()
    expect([engine.last.told, closing.outcome]).toEqual([['begin', 'leave', 'end'], 'done'])
    expect([service.closed, service.types(), subscription.attachedSince]).toEqual([1, [], undefined])
  })

  test('closed meanwhile, and fails: nobody is told, and it is ended', async () => {
    const service = subscribed()
    const { subscription, engine, followed } = service
    const starting = followed(subscription.start())
    const closing = subscription.close(1_000)
    engine.last.failed(down)
    await closing
    expect([engine.last.told, starting.outcome, service.closed]).toEqual([['begin', 'end'], down, 1])
  })

  test('closed meanwhile, and never answers: close() does not wait for ever, and a late answer is ended', async () => {
    const service = subscribed()
    const { subscription, engine, followed, runtime } = service
    const [starting, closing] = [followed(subscription.start()), followed(subscription.close(500))]
    await runtime.advance(1_499)
    expect(closing.outcome).toBe('pending')
    await runtime.advance(1)
    expect([closing.outcome, service.closed, engine.last.told]).toEqual(['done', 1, ['begin']])
    engine.last.begun()
    await runtime.settle()
    expect(starting.outcome).toMatchObject({ code: 'WAYBILL_CLOSED' })
    expect(engine.last.told).toEqual(['begin', 'end'])
  })
})

describe('LocalSubscription: a link that goes', () => {
  test('is a loss and a gap, and it is attached anew when the link is up', async () => {
    const { subscription, engine, types, runtime, started } = subscribed()
    const first = await started()
    subscription.linkDown(down)
    expect([first.told, subscription.attachedSince]).toEqual([['begin', 'freed', 'end'], undefined])
    await runtime.advance(60_000)
    expect(engine.attachments.length).toBe(1)
    subscription.linkUp()
    engine.last.begun()
    await runtime.settle()
    expect(engine.last.told).toEqual(['begin', 'freed'])
    expect(types()).toEqual(['subscription-lost', 'gap', 'subscription-restored'])
  })

  test('is no gap for one that goes on where it was', async () => {
    const { subscription, types, started } = subscribed({ hasGaps: false })
    await started()
    subscription.linkDown(down)
    expect(types()).toEqual(['subscription-lost'])
  })

  test('goes again while it is attached anew: a loss again, that attempt is ended, and the next one counts', async () => {
    const { subscription, engine, types, runtime, started } = subscribed()
    await started()
    subscription.linkDown(down)
    subscription.linkUp()
    subscription.linkDown(down)
    subscription.linkUp()
    const [, second, third] = engine.attachments
    third?.begun()
    await runtime.advance(0)
    second?.begun()
    await runtime.advance(60_000)
    expect([second?.told, third?.told]).toEqual([
      ['begin', 'end'],
      ['begin', 'freed'],
    ])
    expect(types()).toEqual(['subscription-lost', 'gap', 'subscription-lost', 'gap', 'subscription-restored'])
    expect(engine.attachments.length).toBe(3)
  })

  test('goes twice without having come: its attachment is ended once', async () => {
    const { subscription, engine, runtime, started } = subscribed()
    const first = await started()
    subscription.linkDown(down)
    subscription.linkDown(down)
    subscription.linkUp()
    engine.last.begun()
    await runtime.settle()
    expect([first.told, engine.last.told]).toEqual([
      ['begin', 'freed', 'end'],
      ['begin', 'freed'],
    ])
    expect(engine.attachments.length).toBe(2)
  })

  test('comes up under one that has been attached on it: nothing happens', async () => {
    const { subscription, engine, runtime, types, started } = subscribed()
    await started()
    subscription.linkUp()
    await runtime.settle()
    expect([engine.attachments.length, types()]).toEqual([1, []])
  })

  test('is not there when it is to be attached anew: it is tried again, and the link is not reported', async () => {
    const { subscription, engine, types, runtime, started } = subscribed()
    await started()
    engine.isDown = true
    engine.last.intake.lost(down)
    await runtime.advance(100)
    expect(engine.attachments.length).toBe(1)
    engine.isDown = false
    await runtime.advance(1_000)
    engine.last.begun()
    await runtime.settle()
    expect(types()).toEqual(['subscription-lost', 'gap', 'subscription-restored'])
    expect(subscription.attachedSince).toBe(runtime.now())
  })

  test('takes nothing that is here: it is handed out, tried again and waited for as before', async () => {
    const { subscription, engine, came, runtime, started, settle, followed } = subscribed({ prefetch: 2 })
    const first = await started()
    for (const id of ['m1', 'm2', 'm3']) first.intake.add(message(id), 0)
    await runtime.settle()
    subscription.linkDown(down)
    expect(came).toEqual(['m1', 'm2'])
    settle('retry', 1_000)
    await runtime.settle()
    expect(came).toEqual(['m1', 'm2', 'm3'])
    settle('ack')
    subscription.linkUp()
    engine.last.begun()
    await runtime.advance(1_000)
    expect(came).toEqual(['m1', 'm2', 'm3', 'm1', 'm2'])
    subscription.linkDown(down)
    const closing = followed(subscription.close(5_000))
    await runtime.advance(100)
    expect(closing.outcome).toBe('pending')
    settle('ack')
    await runtime.settle()
    expect(closing.outcome).toBe('done')
  })
})

describe('LocalSubscription: a server that no longer delivers', () => {
  test('is a loss, and it is attached anew at once', async () => {
    const { engine, types, runtime, started } = subscribed()
    const first = await started()
    first.intake.lost(down)
    first.intake.lost(down)
    expect(first.told).toEqual(['begin', 'freed', 'end'])
    engine.last.begun()
    await runtime.settle()
    expect(types()).toEqual(['subscription-lost', 'gap', 'subscription-restored'])
    expect(engine.attachments.length).toBe(2)
  })

  test('ends it again while it is attached anew: that is an error, and tried again with back-off', async () => {
    const { engine, types, runtime, started } = subscribed()
    await started()
    engine.last.intake.lost(down)
    engine.last.intake.lost(down)
    engine.last.begun()
    await runtime.settle()
    expect(engine.attachments.length).toBe(2)
    expect(types()).toEqual(['subscription-lost', 'gap', 'error'])
    await runtime.advance(100)
    expect(engine.attachments.length).toBe(3)
  })

  test('what an earlier life is still told does nothing', async () => {
    const { engine, came, types, runtime, started } = subscribed()
    const first = await started()
    first.intake.lost(down)
    engine.last.begun()
    await runtime.settle()
    const before = types().length
    first.intake.add(message('late'), 0)
    first.intake.offer(() => expect.fail('it was read'), 0)
    first.intake.gap()
    first.intake.lost(down)
    await runtime.settle()
    expect([first.intake.isOpen, first.intake.room()]).toEqual([false, 0])
    expect([came, types().length, engine.attachments.length]).toEqual([[], before, 2])
  })
})

describe('LocalSubscription: what is here', () => {
  test('comes before the beginning is answered, too, and its room is asked for only then', async () => {
    const { subscription, engine, came, runtime, settle } = subscribed()
    const starting = subscription.start()
    engine.last.intake.offer(() => message('early'), 0)
    await runtime.settle()
    settle('reject')
    expect([came, engine.last.told]).toEqual([['early'], ['begin', 'failed early']])
    engine.last.begun()
    await starting
    expect(engine.last.told).toEqual(['begin', 'failed early', 'freed'])
  })

  test('what is rejected goes to the attachment of now, while there is one', async () => {
    const { subscription, engine, runtime, started, settle } = subscribed({ prefetch: 1 })
    const first = await started()
    for (const id of ['m1', 'm2', 'm3']) first.intake.add(message(id), 0)
    await runtime.settle()
    settle('reject')
    await runtime.settle()
    subscription.linkDown(down)
    settle('reject')
    subscription.linkUp()
    engine.last.begun()
    await runtime.settle()
    settle('reject')
    expect(first.told.filter((what) => what.startsWith('failed'))).toEqual(['failed m1'])
    expect(engine.last.told.filter((what) => what.startsWith('failed'))).toEqual(['failed m3'])
  })

  test('is settled once; and what is no delivery of such a subscription is a mistake', async () => {
    const { subscription, runtime, started, unsettled } = subscribed()
    const { intake, told } = await started()
    intake.add(message('m1'), 0)
    await runtime.settle()
    const [delivery] = unsettled as [Delivery] // one came
    const reject: Settlement = { delivery, action: 'reject', reason: 'failed', detail: 'no' }
    subscription.settle([reject, reject])
    expect(told.filter((what) => what === 'failed m1')).toHaveLength(1)
    expect(() => subscription.settle([{ ...reject, delivery: { ...delivery } }])).toThrow(TypeError)
  })

  test('what comes unasked is dropped unread when it is full: one error and one gap, until something fits', async () => {
    const { runtime, started, settle, types, came, unsettled } = subscribed({ prefetch: 1 })
    const { intake } = await started()
    for (let n = 0; n < MOST_WAITING; n++) intake.offer(() => message(`m${n}`, BIG), 0)
    expect(types()).toEqual([])
    for (let n = 0; n < 3; n++) intake.offer(() => expect.fail('it was read'), 0)
    expect([types(), intake.room(10)]).toEqual([['error', 'gap'], 0])
    await runtime.settle()
    settle('ack')
    await runtime.settle()
    intake.offer(() => message('fits', BIG), 0)
    intake.offer(() => expect.fail('it was read'), 0)
    expect(types()).toEqual(['error', 'gap', 'error', 'gap'])
    expect([came, unsettled.length]).toEqual([['m0', 'm1'], 1])
  })

  test('what cannot be read is not taken in', async () => {
    const { runtime, started, came } = subscribed()
    const { intake } = await started()
    intake.offer(() => undefined, 0)
    await runtime.settle()
    expect([came, intake.room()]).toEqual([[], 2])
  })

  test('what waits for its retry takes room as soon as there is too much of it, so that reading stops', async () => {
    const { runtime, started, settle } = subscribed({ prefetch: MOST_WAITING })
    const { intake, told } = await started()
    for (let n = 0; n < MOST_WAITING; n++) intake.add(message(`m${n}`, BIG), 0)
    await runtime.settle()
    settle('retry', 60_000)
    await runtime.settle()
    expect(intake.room()).toBe(0)
    const before = told.length
    await runtime.advance(60_000)
    settle('ack')
    await runtime.settle()
    expect(intake.room()).toBe(MOST_WAITING)
    expect(told.length).toBeGreaterThan(before)
  })
})

describe('LocalSubscription: close()', () => {
  test('tells the server while it waits for what is handed out, and hands out nothing more', async () => {
    const { subscription, runtime, started, followed, settle, came } = subscribed({ prefetch: 1 })
    const { intake, told, left } = await started()
    for (const id of ['m1', 'm2']) intake.add(message(id), 0)
    await runtime.settle()
    const closing = followed(subscription.close(5_000))
    await runtime.settle()
    expect(told.slice(-1)).toEqual(['leave'])
    left()
    intake.add(message('m3'), 0)
    expect([intake.isOpen, intake.room()]).toEqual([false, 0])
    await runtime.settle()
    expect(closing.outcome).toBe('pending')
    settle('reject')
    await runtime.settle()
    expect([closing.outcome, came, told.slice(-2)]).toEqual(['done', ['m1'], ['failed m1', 'end']])
  })

  test('waits for the unsettled until its deadline, and for the server a second longer', async () => {
    const service = subscribed()
    const { subscription, runtime, started, followed } = service
    const { intake, told } = await started()
    intake.add(message('m1'), 0)
    await runtime.settle()
    const closing = followed(subscription.close(500))
    await runtime.advance(1_499)
    expect([closing.outcome, service.closed]).toEqual(['pending', 0])
    await runtime.advance(1)
    expect([closing.outcome, service.closed, told.slice(-2)]).toEqual(['done', 1, ['leave', 'end']])
    expect(runtime.timers).toEqual([])
  })

  test('of one whose link goes meanwhile waits for nobody else; it is not attached anew', async () => {
    const { subscription, engine, runtime, started, followed } = subscribed()
    const { intake, left } = await started()
    intake.add(message('m1'), 0)
    await runtime.settle()
    const closing = followed(subscription.close(500))
    await runtime.settle()
    subscription.linkDown(down)
    left()
    subscription.linkUp()
    await runtime.advance(500)
    expect([closing.outcome, engine.attachments.length]).toEqual(['done', 1])
  })

  test('of one that is lost ends at once, and tells nobody', async () => {
    const service = subscribed()
    const { subscription, runtime, started, followed } = service
    const { told } = await started()
    subscription.linkDown(down)
    const [closing, again] = [followed(subscription.close(500)), followed(subscription.close(500))]
    await runtime.settle()
    expect([closing.outcome, again.outcome, service.closed]).toEqual(['done', 'done', 1])
    expect(told).toEqual(['begin', 'freed', 'end'])
  })

  test('while it is attached anew: that attempt leaves again, and is no restoring', async () => {
    const { subscription, engine, runtime, started, types } = subscribed()
    const first = await started()
    first.intake.lost(down)
    const closing = subscription.close(500)
    engine.last.begun()
    engine.last.left()
    await closing
    await runtime.advance(60_000)
    expect(engine.last.told).toEqual(['begin', 'leave', 'end'])
    expect([types(), engine.attachments.length]).toEqual([['subscription-lost', 'gap'], 2])
  })

  test('what the server says after it is nothing: no loss, no gap', async () => {
    const { subscription, runtime, started, types } = subscribed()
    const { intake, left } = await started()
    const closing = subscription.close(0)
    intake.lost(down)
    intake.gap()
    left()
    await closing
    intake.lost(down)
    await runtime.settle()
    expect(types()).toEqual([])
  })
})
