import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ContiguousOffsets } from './contiguous-offsets.ts'

describe('ContiguousOffsets', () => {
  test('commits only what is settled without a gap', () => {
    const offsets = new ContiguousOffsets(10n, '')
    for (const offset of [10n, 11n, 12n]) expect(offsets.arrived(offset)).toBe(true)
    offsets.done(11n)
    expect(offsets.position).toBe(10n)
    expect(offsets.metadata).toBe('1')
    offsets.done(10n)
    expect(offsets.position).toBe(12n)
    offsets.done(12n)
    expect(offsets.position).toBe(13n)
    expect(offsets.metadata).toBe('')
  })

  test('takes offsets that hold no record for settled', () => {
    const offsets = new ContiguousOffsets(0n, '')
    offsets.arrived(5n)
    offsets.arrived(9n)
    expect(offsets.position).toBe(5n)
    offsets.done(5n)
    expect(offsets.position).toBe(9n)
  })

  test('bounds its metadata', () => {
    const offsets = new ContiguousOffsets(0n, '')
    for (let offset = 0n; offset < 20_000n; offset++) {
      offsets.arrived(offset)
      if (offset % 2n === 1n) offsets.done(offset)
    }
    expect(offsets.metadata.length).toBeLessThan(4_096)
    const next = new ContiguousOffsets(0n, offsets.metadata)
    expect([next.arrived(0n), next.arrived(1n)]).toEqual([true, false])
  })

  test('a successor does exactly what was not done', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.bigInt({ min: 0n, max: 1_000n }), (settled, from) => {
        const former = new ContiguousOffsets(from, '')
        settled.forEach((_, n) => former.arrived(from + BigInt(n)))
        settled.forEach((isDone, n) => {
          if (isDone) former.done(from + BigInt(n))
        })
        const gap = settled.indexOf(false)
        expect(former.position).toBe(from + BigInt(gap === -1 ? settled.length : gap))
        const next = new ContiguousOffsets(former.position, former.metadata)
        for (let at = former.position; at < from + BigInt(settled.length); at++)
          expect(next.arrived(at)).toBe(settled[Number(at - from)] !== true)
      }),
    )
  })

  test('forgets metadata that it has not written', () => {
    const offsets = new ContiguousOffsets(0n, '{"some":"tool"}')
    expect(offsets.arrived(0n)).toBe(true)
  })
})
