import type { CircuitChanged } from '../../resilience/circuit-breaker.ts'
import type { Logger } from '../observation/logger.ts'
import type { HandlerCircuit } from './handler-circuit.ts'

/** The circuits of a subscription's handlers: which of them pause it, and what they go through. */
export class Circuits {
  readonly #circuits: readonly HandlerCircuit[]
  readonly #where: { readonly channel: string; readonly group: string }
  readonly #logger: Logger
  #ends: (() => void)[] = []

  constructor(
    circuits: readonly HandlerCircuit[],
    where: { readonly channel: string; readonly group: string },
    logger: Logger,
  ) {
    this.#circuits = circuits
    this.#where = where
    this.#logger = logger
  }

  /** Names of the breakers that are not closed. */
  get pausedBy(): readonly string[] {
    const pausing = this.#circuits.filter(({ breaker }) => breaker.state !== 'closed')
    return [...new Set(pausing.map(({ breaker }) => breaker.name))]
  }

  /** Logs each change, and calls `changed`, until `end()`. */
  watch(changed: () => void): void {
    for (const breaker of new Set(this.#circuits.map((circuit) => circuit.breaker))) {
      const onChange = (change: CircuitChanged): void => {
        this.#log(change)
        changed()
      }
      this.#ends.push(breaker.onChange(onChange))
    }
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end()
  }

  #log({ breaker, to, why, retryAfterMs }: CircuitChanged): void {
    const about = { breaker, ...this.#where, why }
    if (to === 'open') this.#logger.warn({ ...about, retryAfterMs }, 'a circuit is open: handlers are paused')
    else this.#logger.info(about, `a circuit is ${to}`)
  }
}
