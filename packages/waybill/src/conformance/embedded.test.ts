import { afterAll, describe, test } from 'vitest'
import { embeddedHarness } from './harnesses/embedded-harness.ts'
import { transportConformance } from './transport-conformance.ts'

// The long clauses run in `npm run conformance -- --transport embedded`.
describe('transportConformance() on the embedded broker', () => {
  const harness = embeddedHarness()
  afterAll(() => harness.close())
  transportConformance({ ...harness, test, select: ({ long }) => !long })
})
