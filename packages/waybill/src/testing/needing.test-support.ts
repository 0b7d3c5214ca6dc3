// Tests that need something which this machine may not have.
import { beforeEach, describe } from 'vitest'

declare module 'vitest' {
  interface TaskMeta {
    /** What is missing, and how to get it. The summary of the run names it, and with CI=true the run fails. */
    missing?: string
  }
}

/** @param missing what is not there, and how to get it; `undefined` where all is there */
export function describeNeeding(missing: string | undefined): (name: string, tests: () => void) => void {
  if (missing === undefined) return describe
  const skipped = describe.skip
  return (name, tests) => void skipped(name, { meta: { missing } }, tests)
}

/** The same for all tests of a file. */
export function skipUnlessThere(missing: string | undefined): void {
  if (missing !== undefined) beforeEach(({ skip }) => skip(missing))
}
