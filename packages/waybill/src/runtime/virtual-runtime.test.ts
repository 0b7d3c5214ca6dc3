import { readFile } from 'node:fs/promises'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { virtualRuntime } from './virtual-runtime.ts'

const run = (seed: number): unknown[] => {
  const runtime = virtualRuntime({ seed })
  return [runtime.random(), runtime.newId(), runtime.random(), runtime.newId()]
}

describe('virtualRuntime()', () => {
  it('has a clock that stands still', async () => {
    const runtime = virtualRuntime({ start: 5_000 })
    await runtime.settle()
    expect([runtime.now(), runtime.monotonic()]).toEqual([5_000, 0])
    await runtime.advance(250)
    expect([runtime.now(), runtime.monotonic()]).toEqual([5_250, 250])
  })

  it('gives the same dice and ids for the same seed', () => {
    expect(run(7)).toEqual(run(7))
    expect(run(7)).not.toEqual(run(8))
  })

  it('rolls numbers in [0, 1)', () => {
    const runtime = virtualRuntime()
    const rolled = Array.from({ length: 1_000 }, () => runtime.random())
    expect(Math.min(...rolled)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...rolled)).toBeLessThan(1)
    expect(new Set(rolled).size).toBe(1_000)
  })
})

describe('advance()', () => {
  it('fires timers in the order of their due time, equal ones in the order they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 20 }), { maxLength: 15 }), async (delays) => {
        const runtime = virtualRuntime({ start: 0 })
        const fired: [delay: number, index: number][] = []
        delays.forEach((delay, index) => runtime.setTimer(delay, () => fired.push([runtime.now(), index])))
        await runtime.advance(20)
        const expected = delays.map((delay, index) => [delay, index] as const).toSorted((a, b) => a[0] - b[0])
        expect(fired).toEqual(expected)
        expect(runtime.timers).toEqual([])
      }),
      { numRuns: 30 },
    )
  })

  it('stops at its instant, and not one earlier', async () => {
    const runtime = virtualRuntime({ start: 0 })
    const fired: number[] = []
    for (const delay of [10, 11]) runtime.setTimer(delay, () => fired.push(delay))
    await runtime.advance(10)
    expect(fired).toEqual([10])
    expect(runtime.timers).toEqual([11])
  })

  it('fires timers set by timers, and by what they awaken', async () => {
    const runtime = virtualRuntime({ start: 0 })
    const at: number[] = []
    const tick = (): void => {
      at.push(runtime.now())
      if (at.length < 4) void Promise.resolve().then(() => runtime.setTimer(10, tick))
    }
    runtime.setTimer(10, tick)
    await runtime.advance(100)
    expect(at).toEqual([10, 20, 30, 40])
    expect(runtime.now()).toBe(100)
  })

  it('lets everything of one instant run before the next', async () => {
    const runtime = virtualRuntime({ start: 0 })
    const log: string[] = []
    runtime.setTimer(10, () =>
      runtime.defer(() => void Promise.resolve().then(() => log.push(`deferred at ${runtime.now()}`))),
    )
    runtime.setTimer(20, () => log.push('next'))
    await runtime.advance(20)
    expect(log).toEqual(['deferred at 10', 'next'])
  })

  it('follows real I/O that settle() has waited for', async () => {
    const runtime = virtualRuntime({ start: 0 })
    const log: string[] = []
    const read = async (release: () => void): Promise<void> => {
      await readFile(new URL(import.meta.url))
      runtime.setTimer(5, () => log.push(`after the file at ${runtime.now()}`))
      release()
    }
    runtime.setTimer(10, () => void read(runtime.hold('a file')))
    runtime.setTimer(20, () => log.push('next'))
    await runtime.advance(10)
    await runtime.settle()
    await runtime.advance(10)
    expect(log).toEqual(['after the file at 15', 'next'])
  })

  it('moves on although a hold waits for time', async () => {
    const runtime = virtualRuntime({ start: 0 })
    const release = runtime.hold('a handler that sleeps')
    runtime.setTimer(10, release)
    await runtime.advance(10)
    expect(runtime.held).toEqual([])
  })

  it('does not fire what is cancelled, and a timer never twice', async () => {
    const runtime = virtualRuntime()
    const fired: string[] = []
    const later = runtime.setTimer(20, () => fired.push('later'))
    const sooner = runtime.setTimer(10, () => {
      fired.push('sooner')
      later.cancel()
    })
    await runtime.advance(30)
    sooner.cancel()
    await runtime.advance(30)
    expect(fired).toEqual(['sooner'])
  })

  it('treats a negative delay as none', async () => {
    const runtime = virtualRuntime({ start: 100 })
    runtime.setTimer(-50, () => {})
    expect(runtime.timers).toEqual([100])
  })

  it.each([-1, NaN, Infinity])('refuses to move by %d', async (ms) => {
    await expect(virtualRuntime().advance(ms)).rejects.toThrow(TypeError)
  })

  it('rejects with what a timer throws, and can go on', async () => {
    const runtime = virtualRuntime()
    const fired: number[] = []
    runtime.setTimer(10, () => {
      throw new Error('mine')
    })
    runtime.setTimer(20, () => fired.push(20))
    await expect(runtime.advance(30)).rejects.toThrow('mine')
    await runtime.advance(20)
    expect(fired).toEqual([20])
  })
})

describe('settle()', () => {
  it('waits until nothing is held, through real I/O', async () => {
    const runtime = virtualRuntime()
    let read = false
    const work = async (release: () => void): Promise<void> => {
      await readFile(new URL(import.meta.url))
      read = true
      release()
    }
    void work(runtime.hold('a file'))
    expect(runtime.held).toEqual(['a file'])
    await runtime.settle()
    expect(read).toBe(true)
    expect(runtime.held).toEqual([])
  })

  it('waits for deferred work, and for what that defers', async () => {
    const runtime = virtualRuntime()
    let depth = 0
    const deeper = (): void => {
      if (++depth < 20) runtime.defer(deeper)
    }
    runtime.defer(deeper)
    await runtime.settle()
    expect(depth).toBe(20)
  })

  it('names what does not end', async () => {
    const runtime = virtualRuntime()
    const release = runtime.hold('the handler of orders.place')
    await expect(runtime.settle(20)).rejects.toThrow(/still under way: the handler of orders.place/)
    release()
    await runtime.settle()
  })

  it('does not wait for timers', async () => {
    const runtime = virtualRuntime()
    runtime.setTimer(10, () => {})
    await runtime.settle()
    expect(runtime.timers).toHaveLength(1)
  })

  it('counts a hold released twice once', async () => {
    const runtime = virtualRuntime()
    const [first, second] = [runtime.hold('first'), runtime.hold('second')]
    first()
    first()
    expect(runtime.held).toEqual(['second'])
    second()
    await runtime.settle()
  })
})
