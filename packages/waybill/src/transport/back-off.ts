import type { Runtime } from '../runtime/runtime.ts'

/** How long to wait between tries. */
export interface BackOff {
  /** Before the first try; 0 is at once. */
  readonly firstMs: number
  /** Before any. */
  readonly longestMs: number
}

const STEP_MS = 100
/** Long enough not to burden a broker in trouble, short enough that nobody waits once it is well. */
const DEFAULT: BackOff = { firstMs: STEP_MS, longestMs: 5_000 }

/** The wait before try `n`, from 0: doubling, with half of it left to chance so that many clients do not come at once. */
export function backOffMs(n: number, runtime: Runtime, { firstMs, longestMs }: BackOff = DEFAULT): number {
  const full = Math.min(longestMs, n === 0 ? firstMs : STEP_MS * 2 ** Math.min(n, 16))
  return Math.ceil(full / 2 + (runtime.random() * full) / 2)
}
