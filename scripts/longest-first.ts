import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What takes long, by its name. Vitest starts with the longest files, and where it has not run them before it takes the largest
 * for those: the whole conformance suite on an engine is a file of 25 lines, and would run alone at the end.
 */
const LONG: readonly RegExp[] = [/\/conformance\/kafka\.int\./, /\/conformance\/\w+\.int\./, /\.e2e\./, /\.int\./]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rankOf(a.moduleId) - rankOf(b.moduleId))
  }
}

/** Files of one rank stay as they were. */
export function rankOf(file: string): number {
  const rank = LONG.findIndex((name) => name.test(file))
  return rank < 0 ? LONG.length : rank
}
