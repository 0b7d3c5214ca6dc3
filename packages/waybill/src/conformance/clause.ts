import type { Capability } from '../transport/engine-facts.ts'
import type { FaultName } from './harness.ts'
import type { Stage } from './stage.ts'

/** One thing that holds for every transport. */
export interface Clause extends ClauseOptions {
  /** `area/what holds`: unique, and stable between minor versions. */
  readonly title: string
  readonly run: (stage: Stage) => Promise<void>
}

export interface ClauseOptions {
  /**
   * Where the engine refuses one of these, the clause checks instead that asking for it fails as it should. Default:
   * `durableGroups`, which nearly every clause uses.
   */
  readonly needs?: readonly Capability[]
  /** Without these it is skipped, by name and with the harness's reason. */
  readonly faults?: readonly FaultName[]
  /** Looks into the dead-letter queue; skipped where the harness cannot read it. */
  readonly readsDeadLetters?: boolean
  /** Uses a queue that an ordinary client has made; skipped where the harness cannot make one. */
  readonly foreignQueue?: boolean
  /** Takes seconds by its nature: a big load or a wait for a dead link to be noticed. */
  readonly long?: boolean
}

export function clause(title: string, run: (stage: Stage) => Promise<void>): Clause
export function clause(title: string, options: ClauseOptions, run: (stage: Stage) => Promise<void>): Clause
export function clause(
  title: string,
  options: ClauseOptions | ((stage: Stage) => Promise<void>),
  run?: (stage: Stage) => Promise<void>,
): Clause {
  if (typeof options === 'function') return { title, run: options }
  if (run === undefined) throw new TypeError(`clause ${title} has nothing to run`)
  return { title, ...options, run }
}
