import type { Runtime } from '../../runtime/runtime.ts'
import type { Clause } from '../clause.ts'
import { CLAUSES } from '../clauses.ts'
import { Patience } from '../patience.ts'
import { runClause } from '../transport-conformance.ts'
import type { Mutant } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { mutatedHarness } from './mutated-harness.ts'

/** Waits end so soon that a broken transport is found out quickly, and so late that a good one on a busy machine is not. */
const PATIENCE_MS = 4_000
/** For a clause that waits for something without a bound of its own. */
const CLAUSE_BOUND_MS = 60_000
/** Clauses mostly wait; more of them at once would starve each other. */
const AT_ONCE = 12

export interface Hunt {
  readonly mutant: Mutant
  readonly clause: Clause
  /** Why the clause failed; `undefined`: the mutant has survived it. */
  readonly caughtBy: string | undefined
}

export interface HuntReport {
  readonly hunts: readonly Hunt[]
  /** Clauses that fail on the good transport: their catches would mean nothing. */
  readonly unfit: ReadonlyMap<Clause, string>
  readonly clausesWithoutMutant: readonly Clause[]
  /** `breaks` that name no clause. */
  readonly astray: readonly string[]
}

/** Runs each mutant's clauses on it, and all clauses on the good transport, each on a broker of its own. */
export async function hunt(runtime: Runtime, only = ''): Promise<HuntReport> {
  const clauses = CLAUSES.filter(({ title }) => title.includes(only))
  const pairs = MUTANTS.flatMap((mutant) =>
    clauses
      .filter(({ title }) => mutant.breaks.some((start) => title.startsWith(start)))
      .map((clause) => ({ mutant, clause })),
  )
  const unfit = new Map<Clause, string>()
  await atOnce(clauses, async (clause) => {
    const failure = await outcome(clause, undefined, runtime)
    if (failure !== undefined) unfit.set(clause, failure)
  })
  const hunts: Hunt[] = []
  await atOnce(pairs, async ({ mutant, clause }) => {
    hunts.push({ mutant, clause, caughtBy: await outcome(clause, mutant, runtime) })
  })
  return {
    hunts,
    unfit,
    clausesWithoutMutant: clauses.filter((clause) => !pairs.some((pair) => pair.clause === clause)),
    astray: MUTANTS.flatMap(({ breaks }) => breaks).filter(
      (start) => !CLAUSES.some(({ title }) => title.startsWith(start)),
    ),
  }
}

/** Why the clause fails; `undefined` when it passes. */
async function outcome(clause: Clause, mutant: Mutant | undefined, runtime: Runtime): Promise<string | undefined> {
  const harness = mutatedHarness(mutant, runtime)
  try {
    const running = runClause(clause, { ...harness, test: () => {}, patienceMs: PATIENCE_MS })
    await new Patience(runtime, CLAUSE_BOUND_MS).within('the clause to end', running)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await harness.close()
  }
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
