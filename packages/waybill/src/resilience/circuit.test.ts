import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Circuit, type CircuitChange, type CircuitSettings, type Permit } from './circuit.ts'

const settings: CircuitSettings = {
  failureRate: 2,
  minimumCalls: 1_000,
  window: { calls: 10 },
  consecutiveFailures: Infinity,
  failureLimit: Infinity,
  resetMs: 1_000,
  maxResetMs: 4_000,
  halfOpenProbes: 1,
}

function circuitOf(own: Partial<CircuitSettings> = {}) {
  const changes: CircuitChange[] = []
  const circuit = new Circuit({ ...settings, ...own }, (change) => changes.push(change))
  const call = (failed: boolean, now = 0): void => {
    const permit = circuit.admit(now)
    if (permit === undefined) throw new Error('not admitted')
    if (failed) circuit.failed(permit, now)
    else circuit.succeeded(permit, now)
  }
  return { circuit, changes, call }
}

test('a circuit opens at so many failures in a row, and not where a success is between', () => {
  const { circuit, call, changes } = circuitOf({ consecutiveFailures: 3 })
  for (const failed of [true, true, false, true, true]) call(failed)
  expect(circuit.state(0)).toBe('closed')
  call(true)
  expect(circuit.state(0)).toBe('open')
  expect(changes).toEqual([{ from: 'closed', to: 'open', why: '3 failures in a row' }])
})

test('a circuit opens at a share of its newest calls, once there are enough', () => {
  const { circuit, call } = circuitOf({ failureRate: 0.5, minimumCalls: 4 })
  for (const failed of [true, true, true]) call(failed)
  expect(circuit.state(0)).toBe('closed')
  call(false)
  expect(circuit.state(0)).toBe('closed') // a success never opens
  call(true)
  expect(circuit.state(0)).toBe('open')
})

test('a count window forgets the oldest call', () => {
  const { circuit, call } = circuitOf({ failureLimit: 3, window: { calls: 4 } })
  for (const failed of [true, true, false, false, false, true, true]) call(failed)
  expect(circuit.state(0)).toBe('closed')
  call(true)
  expect(circuit.state(0)).toBe('open')
})

test('a time window forgets what is older, a tenth at a time', () => {
  const { circuit, call } = circuitOf({ failureLimit: 3, window: { ms: 10_000 } })
  call(true, 0)
  call(true, 500)
  call(false, 60_000)
  call(true, 60_500)
  call(true, 61_000)
  expect(circuit.state(61_000)).toBe('closed')
  call(true, 69_500)
  expect(circuit.state(69_500)).toBe('open')
})

test('an open circuit admits nothing, then so many probes at a time; as many successes close it', () => {
  const { circuit, call } = circuitOf({ consecutiveFailures: 1, halfOpenProbes: 2 })
  call(true)
  expect([circuit.admit(0), circuit.admit(999), circuit.opensInMs(400)]).toEqual([undefined, undefined, 600])
  const probes = [circuit.admit(1_000), circuit.admit(1_000), circuit.admit(1_000)]
  expect(probes.map((permit) => permit?.isProbe)).toEqual([true, true, undefined])
  circuit.succeeded(probes[0] as Permit, 1_000)
  expect(circuit.state(1_000)).toBe('half-open')
  circuit.succeeded(probes[1] as Permit, 1_000)
  expect(circuit.state(1_000)).toBe('closed')
})

test('each failed probe doubles the reset time up to its most; closing makes it short again', () => {
  const { circuit, call } = circuitOf({ consecutiveFailures: 1 })
  call(true)
  const waits: number[] = []
  let now = 0
  for (let n = 0; n < 4; n++) {
    waits.push(circuit.opensInMs(now))
    now += circuit.opensInMs(now)
    call(true, now)
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 4_000])
  now += 4_000
  call(false, now)
  call(true, now)
  expect(circuit.opensInMs(now)).toBe(1_000)
})

test('what was admitted in an earlier state has nothing to say', () => {
  const { circuit, call } = circuitOf({ consecutiveFailures: 1 })
  const late = circuit.admit(0) as Permit
  call(true)
  circuit.succeeded(late, 500)
  circuit.failed(late, 999)
  expect(circuit.opensInMs(999)).toBe(1)
  const probe = circuit.admit(1_000) as Permit
  circuit.failed(late, 1_000)
  expect(circuit.state(1_000)).toBe('half-open')
  circuit.abandoned(probe)
  expect(circuit.admit(1_000)?.isProbe).toBe(true)
})

test('what is opened by hand stays open until it is closed by hand', () => {
  const { circuit, changes } = circuitOf()
  circuit.trip(0)
  expect([circuit.opensInMs(1e9), circuit.admit(1e9)]).toEqual([Infinity, undefined])
  circuit.close('it was closed by hand')
  expect(circuit.admit(1e9)?.isProbe).toBe(false)
  expect(changes.map(({ to }) => to)).toEqual(['open', 'closed'])
})

test('never more probes than allowed, never a permit while open, whatever happens', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('admit' as const) }),
    fc.record({ do: fc.constantFrom('well' as const, 'bad' as const, 'nothing' as const), nth: fc.nat(5) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1_500) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 3 }), (steps, halfOpenProbes) => {
      const { circuit } = circuitOf({ consecutiveFailures: 2, halfOpenProbes, window: { ms: 2_000 } })
      const wrong: string[] = []
      let now = 0
      const out: Permit[] = []
      for (const each of steps) {
        if (each.do === 'wait') now += each.ms
        else if (each.do === 'admit') {
          const state = circuit.state(now)
          const permit = circuit.admit(now)
          if (permit !== undefined) out.push(permit)
          const allowed: (boolean | undefined)[] = {
            open: [undefined],
            closed: [false],
            'half-open': [undefined, true],
          }[state]
          if (!allowed.includes(permit?.isProbe)) wrong.push(`${state}: ${permit?.isProbe}`)
        } else {
          const [permit] = out.splice(each.nth % Math.max(1, out.length), 1)
          if (permit === undefined) continue
          if (each.do === 'well') circuit.succeeded(permit, now)
          else if (each.do === 'bad') circuit.failed(permit, now)
          else circuit.abandoned(permit)
        }
        if (circuit.state(now) !== 'half-open') continue
        const era = Math.max(...out.map((permit) => permit.era), 0)
        expect(out.filter((permit) => permit.isProbe && permit.era === era).length).toBeLessThanOrEqual(halfOpenProbes)
      }
      expect(wrong).toEqual([])
      // In the end everything is answered well, and it closes.
      for (const permit of out) circuit.succeeded(permit, now)
      for (let n = 0; n < 10; n++) {
        const permit = circuit.admit((now += 5_000))
        if (permit !== undefined) circuit.succeeded(permit, now)
      }
      expect(circuit.state(now)).toBe('closed')
    }),
    { numRuns: 1_000 },
  )
})
