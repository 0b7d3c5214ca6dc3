import { describe, expect, it, vi } from 'vitest'
import { systemRuntime } from './system-runtime.ts'

describe('systemRuntime()', () => {
  const runtime = systemRuntime()

  it('tells the time of this machine', () => {
    expect(Math.abs(runtime.now() - Date.now())).toBeLessThan(1_000)
    const before = runtime.monotonic()
    expect(runtime.monotonic()).toBeGreaterThanOrEqual(before)
  })

  it('fires a timer once, not before its time, and not after cancel()', async () => {
    const fired: string[] = []
    runtime.setTimer(1, () => fired.push('cancelled')).cancel()
    const startedAt = runtime.monotonic()
    await new Promise<void>((resolve) => {
      runtime.setTimer(20, () => {
        fired.push('once')
        resolve()
      })
    })
    // Node counts whole milliseconds from the start of the turn.
    expect(runtime.monotonic() - startedAt).toBeGreaterThanOrEqual(18)
    expect(fired).toEqual(['once'])
  })

  it('waits longer than the longest delay of setTimeout, and can be cancelled on the way', () => {
    vi.useFakeTimers()
    try {
      const month = 30 * 86_400_000
      let fired = 0
      runtime.setTimer(month, () => fired++)
      const cancelled = runtime.setTimer(month, () => fired++)
      vi.advanceTimersByTime(month - 1)
      expect(fired).toBe(0)
      cancelled.cancel()
      vi.advanceTimersByTime(1)
      expect(fired).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('defers to a later turn of the event loop', async () => {
    const log: string[] = []
    const deferred = new Promise<void>((resolve) => {
      runtime.defer(() => {
        log.push('deferred')
        resolve()
      })
    })
    await Promise.resolve()
    log.push('microtask')
    await deferred
    expect(log).toEqual(['microtask', 'deferred'])
  })

  it('makes ids that are unique and sorted', () => {
    const ids = Array.from({ length: 10_000 }, () => runtime.newId())
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(ids.toSorted())
  })

  it('lets a hold cost nothing', () => {
    expect(runtime.hold('x')).toBe(runtime.hold('y'))
  })
})
