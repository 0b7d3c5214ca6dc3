import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { Breaker, CIRCUIT_CHANNEL, circuitBreaker, retryAfterOf, type CircuitChanged } from './circuit-breaker.ts'

const down = (): never => {
  throw new Error('down')
}

function breakerOn(options: ConstructorParameters<typeof Breaker>[1] = {}) {
  const runtime = virtualRuntime()
  const breaker = new Breaker('bank', options)
  breaker.useRuntime(runtime)
  return { runtime, breaker }
}

test('call() passes results and errors on, and rejects at once while open', async () => {
  const { breaker, runtime } = breakerOn({ consecutiveFailures: 2 })
  expect(await breaker.call(() => 7)).toBe(7)
  await expect(breaker.call(down)).rejects.toThrow('down')
  await expect(breaker.call(() => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
  let called = 0
  const refused = breaker.call(() => called++)
  await expect(refused).rejects.toMatchObject({ code: 'WAYBILL_CIRCUIT_OPEN', retryAfterMs: 1_000 })
  expect([called, breaker.state, breaker.retryAfterMs]).toEqual([0, 'open', 1_000])
  await runtime.advance(1_000)
  expect(breaker.state).toBe('half-open')
  expect(await breaker.call(() => 8)).toBe(8)
  expect(breaker.state).toBe('closed')
})

test('call() fails at the time-out with the signal aborted, and what comes late changes nothing', async () => {
  const { breaker, runtime } = breakerOn({ consecutiveFailures: 1, timeout: '3s' })
  let late: (error: Error) => void = () => {}
  let seen: AbortSignal | undefined
  const calling = breaker.call((signal) => {
    seen = signal
    return new Promise((_, reject) => (late = reject))
  })
  const failed = expect(calling).rejects.toMatchObject({ code: 'WAYBILL_CALL_TIMEOUT' })
  await runtime.advance(3_000)
  await failed
  expect([seen?.aborted, breaker.state, runtime.timers]).toEqual([true, 'open', []])
  late(new Error('late'))
  await runtime.advance(0)
  expect(breaker.state).toBe('open')
})

test('an error that does not count says that all is well', async () => {
  class Declined extends Error {}
  const { breaker } = breakerOn({ consecutiveFailures: 1, counts: (error) => !(error instanceof Declined) })
  await expect(breaker.call(() => Promise.reject(new Declined()))).rejects.toThrow(Declined)
  expect(breaker.state).toBe('closed')
})

test('trip() opens until reset(), and each change is told to listeners and on the channel', async () => {
  const { breaker } = breakerOn()
  const [heard, published]: CircuitChanged[][] = [[], []]
  const onPublished = (change: unknown): void => void published?.push(change as CircuitChanged)
  subscribe(CIRCUIT_CHANNEL, onPublished)
  const stop = breaker.onChange((change) => heard?.push(change))
  breaker.trip()
  await expect(breaker.call(() => 1)).rejects.toMatchObject({ retryAfterMs: Infinity })
  breaker.reset()
  stop()
  breaker.trip()
  unsubscribe(CIRCUIT_CHANNEL, onPublished)
  expect(heard).toEqual([
    { breaker: 'bank', from: 'closed', to: 'open', why: 'it was opened by hand', retryAfterMs: Infinity },
    { breaker: 'bank', from: 'open', to: 'closed', why: 'it was closed by hand', retryAfterMs: 0 },
  ])
  expect(published).toHaveLength(3)
})

test('retryAfterOf() finds an open circuit behind the errors that it caused', () => {
  const { breaker } = breakerOn()
  breaker.trip()
  const open = breaker.refusal()
  expect(retryAfterOf(new Error('charge', { cause: new Error('post', { cause: open }) }))).toBe(Infinity)
  expect(retryAfterOf(new Error('other'))).toBeUndefined()
  const circle = new Error('circle')
  circle.cause = circle
  expect(retryAfterOf(circle)).toBeUndefined()
})

test.each([
  [{ failureRate: 0 }, 'failureRate of the circuit breaker b must be above 0 and at most 1'],
  [{ failureRate: 1.1 }, 'failureRate'],
  [{ failureRate: false, consecutiveFailures: false }, 'the circuit breaker b never opens'],
  [{ failureRate: false, minimumCalls: 3 }, 'minimumCalls of the circuit breaker b says nothing without failureRate'],
  [{ window: { calls: 10 }, minimumCalls: 11 }, 'window of the circuit breaker b of 10 calls never holds 11'],
  [{ window: { calls: 10 }, failureLimit: 11 }, 'never holds 11'],
  [{ window: 0 }, 'window'],
  [{ resetTime: '1m', maxResetTime: '1s' }, 'maxResetTime'],
  [{ timeout: 0 }, 'timeout'],
  [{ halfOpenProbes: 0 }, 'halfOpenProbes'],
  [{ counts: true }, 'counts'],
  [{ resettime: '1s' }, 'resettime of the circuit breaker b is no option'],
])('circuitBreaker() refuses %o', (options, what) => {
  expect(() => circuitBreaker('b', options as never)).toThrow(TypeError)
  expect(() => circuitBreaker('b', options as never)).toThrow(what)
})

test('circuitBreaker() refuses a name for nobody', () => {
  expect(() => circuitBreaker('')).toThrow(TypeError)
})

test('a breaker that comes under another clock goes on where it was', async () => {
  const { breaker, runtime } = breakerOn({ consecutiveFailures: 1, resetTime: '10s' })
  await runtime.advance(123_456)
  await expect(breaker.call(down)).rejects.toThrow('down')
  await runtime.advance(4_000)
  const other = virtualRuntime()
  await other.advance(50)
  breaker.useRuntime(other)
  expect([breaker.state, breaker.retryAfterMs]).toEqual(['open', 6_000])
  await other.advance(6_000)
  expect(breaker.state).toBe('half-open')
})

test('while its probes are under way a half-open circuit refuses others until they may be back', async () => {
  const { breaker, runtime } = breakerOn({ consecutiveFailures: 1, resetTime: '2s' })
  await expect(breaker.call(down)).rejects.toThrow('down')
  await runtime.advance(2_000)
  let answer: () => void = () => {}
  const probe = breaker.call(() => new Promise<void>((resolve) => (answer = resolve)))
  await expect(breaker.call(() => 1)).rejects.toMatchObject({ code: 'WAYBILL_CIRCUIT_OPEN', retryAfterMs: 2_000 })
  answer()
  await probe
  expect(await breaker.call(() => 1)).toBe(1)
})
