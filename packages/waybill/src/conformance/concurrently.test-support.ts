import { test } from 'vitest'
import type { ConformanceOptions } from './harness.ts'

/** Several clauses at a time, `maxConcurrency` of the configuration: they wait for the engine more than they work. */
export const concurrently: ConformanceOptions['test'] = (title, run, { alone }) => {
  const register = alone ? test : test.concurrent
  register(title, run)
}
