import type { TestCase, TestModule } from 'vitest/node'

export interface Skipped {
  /** Why: what is missing. */
  readonly reason: string
  readonly files: ReadonlyMap<string, number>
}

export const NO_REASON = 'no reason is given: use describeNeeding()'

/** The skipped tests of a run, by what they miss. */
export function skippedOf(modules: readonly TestModule[]): readonly Skipped[] {
  const byReason = new Map<string, Map<string, number>>()
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const reason = reasonOf(test)
      const files = byReason.get(reason) ?? new Map<string, number>()
      files.set(module.relativeModuleId, (files.get(module.relativeModuleId) ?? 0) + 1)
      byReason.set(reason, files)
    }
  }
  return [...byReason].map(([reason, files]) => ({ reason, files }))
}

function reasonOf(test: TestCase): string {
  const result = test.result()
  if (result.state === 'skipped' && result.note !== undefined) return result.note
  for (let at: TestCase['parent'] | TestCase = test; at.type !== 'module'; at = at.parent) {
    const { missing } = at.meta()
    if (missing !== undefined) return missing
  }
  return NO_REASON
}
