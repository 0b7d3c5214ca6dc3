import type { Runtime } from '../../runtime/runtime.ts'
import type { Topology } from '../topology.ts'
import type { Policies } from './policies.ts'

/** Queues and exchanges that are dealt with in one turn of the event loop. */
const BURST = 1_000

/** Gives queues and exchanges the policies that hold for them now, after these have changed. */
export class PolicyApplication {
  readonly #runtime: Runtime
  readonly #topology: Topology
  readonly #policies: Policies
  #remaining: Iterator<() => void> | undefined

  constructor(runtime: Runtime, topology: Topology, policies: Policies) {
    this.#runtime = runtime
    this.#topology = topology
    this.#policies = policies
  }

  /** The first of them at once, the others in later turns. Begins anew when it is under way. */
  start(): void {
    const isUnderWay = this.#remaining !== undefined
    this.#remaining = this.#all()
    if (isUnderWay) return
    this.#some()
  }

  stop(): void {
    this.#remaining = undefined
  }

  #some(): void {
    for (let n = 0; n < BURST; n++) {
      const next = this.#remaining?.next()
      if (next === undefined || next.done === true) return this.stop()
      next.value()
    }
    this.#runtime.defer(() => this.#some())
  }

  /** What is declared while this goes on has the new policies from its beginning. */
  *#all(): Iterator<() => void> {
    const { exchanges, queues, router } = this.#topology
    for (const exchange of exchanges.values())
      yield () => {
        exchange.policy = this.#policies.forExchange(exchange.definition)
        // An alternate exchange leads elsewhere.
        router.forget()
      }
    for (const queue of queues.values()) yield () => (queue.policy = this.#policies.forQueue(queue.definition))
  }
}
