import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationMs, type Duration } from './duration.ts'

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

describe('durationMs()', () => {
  it('reads every whole number of every unit', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (n, unit) => {
        expect(durationMs(`${n}${unit}`)).toBe(n * UNITS[unit])
      }),
    )
  })

  it('reads fractions and bare milliseconds', () => {
    expect(durationMs('1.5s')).toBe(1_500)
    expect(durationMs('0.5ms')).toBe(0.5)
    expect(durationMs(0)).toBe(0)
    expect(durationMs(250)).toBe(250)
  })

  it.each([
    '',
    's',
    '1',
    '1 s',
    ' 1s',
    '1s ',
    '-1s',
    '+1s',
    '1e3s',
    '.5s',
    '1.s',
    '1S',
    '1sec',
    '1w',
    '1s1ms',
    `${'9'.repeat(400)}s`,
  ])('refuses %j', (text) => {
    expect(() => durationMs(text as Duration)).toThrow(TypeError)
  })

  it.each([-1, NaN, Infinity, -Infinity])('refuses %d', (ms) => {
    expect(() => durationMs(ms)).toThrow(TypeError)
  })

  it.each([null, undefined, {}, ['1s'], 10n])('refuses %s from a caller without types', (value) => {
    expect(() => durationMs(value as Duration)).toThrow(TypeError)
  })
})
