import type { Runtime } from '../../runtime/runtime.ts'

const FIRST_MS = 100
/** Long enough not to burden a broker in trouble, short enough that nobody waits once it is well. */
const LONGEST_MS = 5_000

/** The wait before try `n`, from 0: doubling, with half of it left to chance so that many clients do not come at once. */
export function backOffMs(n: number, runtime: Runtime): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(n, 16))
  return Math.ceil(full / 2 + (runtime.random() * full) / 2)
}
