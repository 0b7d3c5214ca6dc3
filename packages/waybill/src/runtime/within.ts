import type { Deadlines } from './deadlines.ts'

/** Whether `work` ended, well or not, within `ms`; it is not stopped where it did not. Never rejects. */
export function within(deadlines: Deadlines, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const deadline = deadlines.add(ms, () => resolve(false))
    const ended = (): void => {
      deadline.cancel()
      resolve(true)
    }
    work.then(ended, ended)
  })
}
