import type { Runtime } from '../../runtime/runtime.ts'
import { CLAUSES } from '../clauses.ts'
import { hunt, type HuntReport } from './hunt.ts'
import { MUTANTS } from './mutants.ts'

/** Hunts the mutants and prints which clause catches which; answers whether all is as it should be. */
export async function reportMutants(
  runtime: Runtime,
  only: string | undefined,
  print: (line: string) => void,
): Promise<boolean> {
  const report = await hunt(runtime, only)
  for (const clause of CLAUSES) {
    const caught = report.hunts.filter((each) => each.clause === clause && each.caughtBy !== undefined)
    if (caught.length > 0)
      print(`${clause.title}\n      fails on a transport that ${caught.map(({ mutant }) => mutant.name).join('; ')}`)
  }
  const faults = faultsOf(report)
  for (const line of faults) print(line)
  const clauses = new Set(report.hunts.map(({ clause }) => clause)).size
  const mutants = new Set(report.hunts.map(({ mutant }) => mutant)).size
  print(`conformance mutants: ${mutants} of ${MUTANTS.length} mutants on ${clauses} clauses, ${faults.length} faults`)
  return faults.length === 0
}

function faultsOf({ hunts, unfit, clausesWithoutMutant, astray }: HuntReport): readonly string[] {
  return [
    ...[...unfit].map(([{ title }, reason]) => `UNFIT     ${title}: fails on the good transport: ${reason}`),
    ...hunts
      .filter(({ caughtBy }) => caughtBy === undefined)
      .map(({ mutant, clause }) => `SURVIVOR  ${clause.title}: passes on a transport that ${mutant.name}`),
    ...clausesWithoutMutant.map(({ title }) => `UNTESTED  ${title}: no mutant is named for it`),
    ...astray.map((start) => `ASTRAY    no clause begins with: ${start}`),
  ]
}
