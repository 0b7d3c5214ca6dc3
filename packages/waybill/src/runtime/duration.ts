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
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration
  } else {
    const match = PATTERN.exec(duration)
    if (match?.[1] !== undefined && match[2] !== undefined) {
      return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
    }
  }
  throw new TypeError(
    `"${String(duration)}" is not a duration: write milliseconds, or for instance '200ms', '30s', '5m', '1h', '7d'`,
  )
}
