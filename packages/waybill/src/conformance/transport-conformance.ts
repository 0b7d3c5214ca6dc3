import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Clause } from './clause.ts'
import { CLAUSES } from './clauses.ts'
import { impossible, type ConformanceOptions, type FaultName } from './harness.ts'
import { Patience } from './patience.ts'
import { expectRefusal } from './refusal.ts'
import { Stage } from './stage.ts'

const DEFAULT_PATIENCE_MS = 20_000
/** Faults of the engine itself, which whoever uses it meets. */
const DISTURBING: readonly FaultName[] = ['restartBroker', 'block']

/**
 * Registers the clauses that every transport must keep, one test each, in the order of the areas. A clause whose fault
 * the harness cannot produce is skipped by name with the reason; where the engine refuses a capability, the clauses that
 * need it check that asking for it fails with WAYBILL_UNSUPPORTED.
 *
 * A clause makes its own channels, groups and members, so runners may run several at a time, but for those that are to be
 * alone: they restart or block the broker.
 */
export function transportConformance(options: ConformanceOptions): void {
  for (const each of CLAUSES) {
    if (options.select?.({ title: each.title, long: each.long === true }) === false) continue
    const reason = whyNot(each, options)
    const how = { alone: each.long === true || DISTURBING.some((fault) => each.faults?.includes(fault)) }
    if (reason === undefined) options.test(each.title, () => runClause(each, options), how)
    else if (options.skip !== undefined) options.skip(each.title, reason)
    else options.test(`${each.title} (skipped: ${reason})`, async () => {}, how)
  }
}

/** Runs one clause on a stage of its own, and clears the stage whatever came of it. */
export async function runClause(clause: Clause, options: ConformanceOptions): Promise<void> {
  const runtime = options.runtime ?? systemRuntime()
  const patience = new Patience(runtime, options.patienceMs ?? DEFAULT_PATIENCE_MS)
  const stage = new Stage(options, runtime, patience)
  try {
    const needs = clause.needs ?? ['durableGroups']
    const { capabilities } = needs.length === 0 ? { capabilities: undefined } : (await stage.member()).facts
    const refused = needs.find((capability) => capabilities?.[capability] === 'refused')
    await (refused === undefined ? clause.run(stage) : expectRefusal(stage, refused))
  } catch (error) {
    // The clause's own error is the finding; one of clearing up after it would hide it.
    await stage.dispose().catch(() => undefined)
    throw error
  }
  await stage.dispose()
}

/** The harness's reason why the clause cannot run; `undefined` when it can. */
function whyNot(clause: Clause, options: ConformanceOptions): string | undefined {
  for (const name of clause.faults ?? []) {
    const reason = impossible(options.faults[name])
    if (reason !== undefined) return `${name}: ${reason}`
  }
  const unread = clause.readsDeadLetters === true ? impossible(options.readDeadLetters) : undefined
  const unmade = clause.foreignQueue === true ? impossible(options.makeForeignQueue) : undefined
  return unread ?? unmade
}
