import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wireMessage } from '../../message/build-message.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import { Deadlines } from '../../runtime/deadlines.ts'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { Outgoing, SendResult, Transport } from '../../transport/transport.ts'
import { ScriptedLink } from './scripted-link.test-support.ts'
import { SendQueue } from './send-queue.ts'
import { SEND_LIMITS } from './send-limits.ts'

const channel = { kind: 'events', name: 'orders', shards: 2 } as const

function outgoing(runtime: VirtualRuntime, id: string, bytes = 1): Outgoing {
  const fields = { id, source: 't', type: 'orders.placed', kind: 'event', contentType: '', key: id[0] } as const
  return { message: wireMessage({ ...fields, body: new Uint8Array(bytes) }, runtime), to: channel }
}

function queueOn(transport: Pick<Transport, 'send'>, limits = SEND_LIMITS) {
  const runtime = virtualRuntime()
  const deadlines = new Deadlines(runtime)
  return { runtime, queue: new SendQueue(transport as Transport, runtime, deadlines, limits) } // only send() is used
}

const outcomeOf = (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'accepted',
    (error: unknown) => (isWaybillError(error) ? error.code : String(error)),
  )

const accepting: Pick<Transport, 'send'> = {
  send: (batch) => Promise.resolve(batch.map((): SendResult => ({ outcome: 'accepted' }))),
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send'),
      key: fc.constantFrom('a', 'b'),
      ms: fc.integer({ min: 200, max: 3_000 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('store'), n: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut'), n: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('tell') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('report') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('up') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.nat(400) }) },
)

test.each([
  ['all room', SEND_LIMITS],
  ['room for three', { ...SEND_LIMITS, maxPending: 3 }],
  ['room for three, and a line of two', { ...SEND_LIMITS, maxPending: 3, maxLine: 2 }],
])(
  'with %s send() keeps the order of each key, settles each send once and in time, whatever the link does',
  async (_, limits) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const link = new ScriptedLink()
        const { runtime, queue } = queueOn(link.transport, { ...limits, maxBatch: 3 })
        const sent: { id: string; due: number; settled: string[]; at: number }[] = []
        let broken = false
        let reported = false
        for (const each of steps) {
          if (each.do === 'send' && 'key' in each) {
            const entry = { id: `${each.key}${sent.length}`, due: runtime.monotonic() + each.ms, settled: [], at: NaN }
            sent.push(entry)
            void outcomeOf(queue.send(outgoing(runtime, entry.id), each.ms)).then((outcome) => {
              ;(entry.settled as string[]).push(outcome)
              entry.at = runtime.monotonic()
            })
          } else if (each.do === 'store' && 'n' in each) link.store(each.n)
          else if (each.do === 'cut' && 'n' in each && !broken) {
            link.cut(each.n)
            broken = true
          } else if (each.do === 'tell') link.tell()
          else if (each.do === 'report' && broken && !reported) {
            queue.pause()
            reported = true
          } else if (each.do === 'up' && reported) {
            link.up()
            queue.resume()
            broken = reported = false
          } else if (each.do === 'wait' && 'ms' in each) await runtime.advance(each.ms)
          else for (let hop = 0; hop < 4; hop++) await Promise.resolve()
        }
        // In the end the link works and answers.
        if (broken) {
          queue.pause()
          link.up()
          queue.resume()
        }
        for (let n = 0; n < 100; n++) link.tell()
        for (let n = 0; n < 20; n++) {
          await runtime.advance(10)
          link.store(1_000)
        }
        await runtime.advance(5_000)

        const firsts = [...new Set(link.stored)]
        for (const key of ['a', 'b']) {
          const order = firsts.filter((id) => id.startsWith(key)).map((id) => Number(id.slice(1)))
          expect(order).toEqual(order.toSorted((x, y) => x - y))
        }
        for (const { id, settled, at, due } of sent) {
          expect(settled).toHaveLength(1)
          expect(at).toBeLessThanOrEqual(due)
          const stored = firsts.includes(id)
          const truths = { accepted: stored, WAYBILL_NOT_CONNECTED: !stored, WAYBILL_BACKPRESSURE: !stored, WAYBILL_OUTCOME_UNKNOWN: true } // prettier-ignore
          expect(truths).toHaveProperty(String(settled[0]), true)
        }
        expect(runtime.held).toEqual([])
      }),
      { numRuns: 500 },
    )
  },
)

test('send() that a transport throws on, or rejects, or answers too shortly, goes out again', async () => {
  const answers: (() => Promise<readonly SendResult[]>)[] = [
    () => {
      throw new Error('thrown')
    },
    () => Promise.reject(new Error('rejected')),
    () => Promise.resolve([]),
  ]
  const { runtime, queue } = queueOn({ send: (batch) => answers.shift()?.() ?? accepting.send(batch) })
  const sending = outcomeOf(queue.send(outgoing(runtime, 'a'), 5_000))
  await runtime.advance(1_000)
  expect(await sending).toBe('accepted')
  expect(answers).toEqual([])
})

test('send() that the transport never took is not of unknown outcome', async () => {
  const { runtime, queue } = queueOn({
    send: () => Promise.reject(new WaybillError('WAYBILL_NOT_CONNECTED', 'not yet')),
  })
  const sending = outcomeOf(queue.send(outgoing(runtime, 'a'), 300))
  await runtime.advance(300)
  expect(await sending).toBe('WAYBILL_NOT_CONNECTED')
})

test('send() on a closed transport fails at once', async () => {
  const { runtime, queue } = queueOn({ send: () => Promise.reject(new WaybillError('WAYBILL_CLOSED', 'closed')) })
  expect(await outcomeOf(queue.send(outgoing(runtime, 'a'), 30_000))).toBe('WAYBILL_CLOSED')
})

test('send() during a long outage does not pile up what has ended', async () => {
  let handed = 0
  const { runtime, queue } = queueOn({
    send: (batch) => {
      handed += batch.length
      return accepting.send(batch)
    },
  })
  queue.pause()
  for (let round = 0; round < 50; round++) {
    const sends = Array.from({ length: 100 }, (_, n) => outcomeOf(queue.send(outgoing(runtime, `a${n}`), 10)))
    await runtime.advance(10)
    expect(new Set(await Promise.all(sends))).toEqual(new Set(['WAYBILL_NOT_CONNECTED']))
  }
  expect(queue.waiting).toBeLessThanOrEqual(64)
  const last = outcomeOf(queue.send(outgoing(runtime, 'b'), 10))
  queue.resume()
  expect(await last).toBe('accepted')
  expect(handed).toBe(1)
})

test('send() counts what the transport has not answered, although its caller has given up', async () => {
  const { runtime, queue } = queueOn({ send: () => new Promise(() => {}) }, { ...SEND_LIMITS, maxPending: 2 })
  const sends = [queue.send(outgoing(runtime, 'a'), 10), queue.send(outgoing(runtime, 'b'), 10)].map(outcomeOf)
  await runtime.advance(10)
  expect(await Promise.all(sends)).toEqual(['WAYBILL_OUTCOME_UNKNOWN', 'WAYBILL_OUTCOME_UNKNOWN'])
  const third = outcomeOf(queue.send(outgoing(runtime, 'c'), 10))
  await runtime.advance(10)
  expect(await third).toBe('WAYBILL_BACKPRESSURE')
  await queue.idle()
})

test('abandon() settles what the transport will never answer', async () => {
  const { runtime, queue } = queueOn({ send: () => new Promise(() => {}) })
  const sending = outcomeOf(queue.send(outgoing(runtime, 'a'), 30_000))
  await Promise.resolve()
  queue.close()
  queue.abandon()
  expect(await sending).toBe('WAYBILL_OUTCOME_UNKNOWN')
  expect(runtime.held).toEqual([])
})

test('close() settles what comes back unanswered afterwards', async () => {
  let answer: (results: readonly SendResult[]) => void = () => {}
  const { runtime, queue } = queueOn({ send: () => new Promise((resolve) => (answer = resolve)) })
  const unknown = outcomeOf(queue.send(outgoing(runtime, 'a'), 30_000))
  const unsent = outcomeOf(queue.send(outgoing(runtime, 'b'), 30_000))
  await Promise.resolve()
  queue.close()
  answer([
    { outcome: 'unknown', error: new Error('cut') },
    { outcome: 'refused', error: new WaybillError('WAYBILL_NOT_CONNECTED', 'cut') },
  ])
  expect(await Promise.all([unknown, unsent])).toEqual(['WAYBILL_OUTCOME_UNKNOWN', 'WAYBILL_NOT_CONNECTED'])
})

test('send() leaves no listener on a signal that outlives it', async () => {
  const { runtime, queue } = queueOn(accepting)
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args))
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args))
  await Promise.all(Array.from({ length: 20 }, (_, n) => queue.send(outgoing(runtime, `a${n}`), 1_000, signal)))
  expect(listeners).toBe(0)
})

test('send() waits for a place, in line, and is refused only beyond the line', async () => {
  const answers: (() => void)[] = []
  const taken: string[] = []
  const slow: Pick<Transport, 'send'> = {
    send: (batch) =>
      new Promise((resolve) => {
        taken.push(...batch.map(({ message }) => message.id))
        answers.push(() => resolve(batch.map((): SendResult => ({ outcome: 'accepted' }))))
      }),
  }
  const { runtime, queue } = queueOn(slow, { ...SEND_LIMITS, maxPending: 2, maxLine: 2, maxBatch: 1 })
  const sends = ['a', 'b', 'c', 'd', 'e'].map((id) => outcomeOf(queue.send(outgoing(runtime, id), 1_000)))
  expect(await sends[4]).toBe('WAYBILL_BACKPRESSURE')
  await Promise.resolve()
  expect(taken).toEqual(['a', 'b'])
  answers.shift()?.()
  expect(await sends[0]).toBe('accepted')
  await runtime.settle(1).catch(() => {}) // two are still on their way
  expect(taken).toEqual(['a', 'b', 'c'])
  answers.splice(0).forEach((answer) => answer())
  await sends[2]
  answers.splice(0).forEach((answer) => answer())
  expect(await Promise.all(sends.slice(0, 4))).toEqual(Array(4).fill('accepted'))
  expect([taken, runtime.held]).toEqual([['a', 'b', 'c', 'd'], []])
})

test('send() of a body larger than all that may be pending is refused at once', async () => {
  const { runtime, queue } = queueOn(accepting, { ...SEND_LIMITS, maxPendingBytes: 10 })
  expect(await outcomeOf(queue.send(outgoing(runtime, 'a', 11), 1_000))).toBe('WAYBILL_BACKPRESSURE')
  const fitting = Array.from({ length: 5 }, (_, n) => outcomeOf(queue.send(outgoing(runtime, `b${n}`, 10), 1_000)))
  expect(await Promise.all(fitting)).toEqual(Array(5).fill('accepted'))
})

test('what waits for a place leaves the line when it is aborted, too late, or the bus closes', async () => {
  const { runtime, queue } = queueOn(
    { send: () => new Promise(() => {}) },
    { ...SEND_LIMITS, maxPending: 1, maxLine: 3 },
  )
  const abort = new AbortController()
  const first = outcomeOf(queue.send(outgoing(runtime, 'a'), 9_000))
  const aborted = outcomeOf(queue.send(outgoing(runtime, 'b'), 9_000, abort.signal))
  const late = outcomeOf(queue.send(outgoing(runtime, 'c'), 10))
  abort.abort()
  await runtime.advance(10)
  expect(await Promise.all([aborted, late])).toEqual(['WAYBILL_ABORTED', 'WAYBILL_BACKPRESSURE'])
  // Their places in line are free again.
  const others = Array.from({ length: 3 }, (_, n) => outcomeOf(queue.send(outgoing(runtime, `d${n}`), 9_000)))
  expect(await outcomeOf(queue.send(outgoing(runtime, 'e'), 9_000))).toBe('WAYBILL_BACKPRESSURE')
  queue.close()
  queue.abandon()
  expect(await Promise.all(others)).toEqual(Array(3).fill('WAYBILL_BACKPRESSURE'))
  expect(await first).toBe('WAYBILL_OUTCOME_UNKNOWN')
  expect(runtime.held).toEqual([])
})
