import type { Runtime, Timer } from '../runtime/runtime.ts'

/** Resolves when `promise` has settled, however, or after `ms`; `false` when it was late. */
export async function settledWithin(ms: number, promise: Promise<unknown>, runtime: Runtime): Promise<boolean> {
  let timer: Timer | undefined
  const late = new Promise<false>((resolve) => (timer = runtime.setTimer(ms, () => resolve(false))))
  const settled = promise.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, late])
  } finally {
    timer?.cancel()
  }
}
