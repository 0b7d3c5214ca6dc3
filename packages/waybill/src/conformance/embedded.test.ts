import { afterAll, describe } from 'vitest'
import { concurrently } from './concurrently.test-support.ts'
import { embeddedHarness } from './harnesses/embedded-harness.ts'
import { transportConformance } from './transport-conformance.ts'

// The long clauses run in `npm run conformance -- --transport embedded`.
describe('transportConformance() on the embedded broker', () => {
  const harness = embeddedHarness()
  afterAll(() => harness.close())
  transportConformance({ ...harness, test: concurrently, select: ({ long }) => !long })
})
