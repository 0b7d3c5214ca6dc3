import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../../transport/transport.ts'

/** A deliberately broken transport: a good one, and one fault laid round it. */
export interface Mutant {
  /** What it does wrong: `drops the last of a batch`. */
  readonly name: string
  /** How the titles of the clauses begin that must fail on it. */
  readonly breaks: readonly string[]
  /** Makes the decorator for the members of one clause, which may share state. */
  readonly infect: (runtime: Runtime) => (good: Transport) => Transport
}
