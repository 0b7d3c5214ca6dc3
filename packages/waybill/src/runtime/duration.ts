/** A length of time in the public API: `'200ms'`, `'30s'`, `'5m'`, `'1h'`, `'7d'`; a bare number is milliseconds. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}` | number

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/**
 * Milliseconds of `duration`.
 *
 * @throws {TypeError} when it is negative, not finite, or not of the form `<number><ms|s|m|h|d>`
 */
export function durationMs(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : parse(duration)
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new TypeError(
    `"${String(duration)}" is not a duration: write milliseconds, or for instance '200ms', '30s', '5m', '1h', '7d'`,
  )
}

function parse(text: unknown): number {
  const match = typeof text === 'string' ? PATTERN.exec(text) : null
  if (match === null) return NaN
  const [, amount, unit] = match as unknown as [string, string, keyof typeof UNIT_MS] // the groups of the pattern
  return Number(amount) * UNIT_MS[unit]
}
