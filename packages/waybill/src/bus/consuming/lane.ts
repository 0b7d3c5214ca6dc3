// The deliveries of one handler that are here: when the next of them may begin.
import type { RateLimit } from '../../resilience/rate-limit.ts'
import type { BatchLimits } from '../service/limit-options.ts'
import type { KeyedRate } from '../limits/keyed-rate.ts'
import type { Outcome } from '../handling/outcome.ts'
import { FREE, type Admission, type HandlerCircuit } from '../limits/handler-circuit.ts'
import type { Waiting } from '../limits/waiting.ts'

export interface LaneLimits {
  /** Runs at a time. */
  readonly bulkhead?: number | undefined
  readonly circuit?: HandlerCircuit | undefined
  readonly rate?: RateLimit | undefined
  readonly keyed?: KeyedRate | undefined
  readonly batch?: BatchLimits | undefined
}

/** What begins together: one delivery, or a batch. */
export interface Run {
  readonly lane: Lane
  readonly items: readonly Waiting[]
  readonly isBatch: boolean
  readonly admission: Admission
  /** Its key's turn has come already. */
  readonly hasPassed: boolean
}

export class Lane {
  readonly limits: LaneLimits
  /** What pauses it. */
  readonly #circuit: HandlerCircuit | undefined
  #waiting: Waiting[] = []
  /** Their key's time has come. */
  #passed: Waiting[] = []
  #running = 0

  constructor(limits: LaneLimits) {
    this.limits = limits
    this.#circuit = limits.circuit?.pauses === true ? limits.circuit : undefined
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  /** The oldest that could begin. */
  get head(): Waiting | undefined {
    return this.#passed[0] ?? this.#waiting[0]
  }

  get running(): number {
    return this.#running
  }

  /** Its circuit lets nothing begin, whatever ends. */
  get isPaused(): boolean {
    return this.#circuit !== undefined && this.#circuit.blockedMs(0) > 0
  }

  /** Something of the handler's own holds back what waits here. */
  isBlocked(now: number): boolean {
    const { bulkhead = Infinity, rate } = this.limits
    const circuit = this.#circuit
    if (this.#running >= bulkhead || (rate?.waitMs('', now) ?? 0) > 0) return true
    return circuit !== undefined && circuit.blockedMs(this.#running) > 0
  }

  /**
   * What begins now; otherwise the milliseconds until it is worth asking again, Infinity where something must end first.
   *
   * @param isFull no further delivery can come before one here is settled
   */
  begin(now: number, isFull: boolean): Run | number {
    const { bulkhead = Infinity, batch, rate } = this.limits
    const circuit = this.#circuit
    const { head } = this
    if (head === undefined || this.#running >= bulkhead) return Infinity
    const blockedMs = circuit?.blockedMs(this.#running) ?? 0
    if (blockedMs > 0) return blockedMs
    const isProbe = circuit !== undefined && circuit.breaker.state === 'half-open'
    const size = batch === undefined || isProbe ? 1 : batch.size
    if (batch !== undefined && this.#waiting.length < size && !isFull) {
      const waitMs = head.since + batch.waitMs - now
      if (waitMs > 0) return waitMs
    }
    const admission = circuit === undefined ? FREE : circuit.admit()
    if (admission === undefined) return Infinity
    const waitMs = rate?.take('', now, Math.max(1, Math.min(size, this.#waiting.length))) ?? 0
    if (waitMs > 0) {
      circuit?.ended(admission, [])
      return waitMs
    }
    const hasPassed = this.#passed.length > 0
    return this.#begun(hasPassed ? this.#passed.splice(0, 1) : this.#waiting.splice(0, size), admission, hasPassed)
  }

  /** Begins with one delivery that was never added; `undefined` while its circuit does not let it. */
  beginAlone(waiting: Waiting): Run | undefined {
    const circuit = this.#circuit
    if ((circuit?.blockedMs(this.#running) ?? 0) > 0) return undefined
    const admission = circuit === undefined ? FREE : circuit.admit()
    return admission === undefined ? undefined : this.#begun([waiting], admission, true)
  }

  /** Whether the run may go on although its key has a rate; otherwise it stands in line, and has ended. */
  async passes(run: Run, changed: () => void): Promise<boolean> {
    const [first] = run.items
    const { keyed } = this.limits
    if (keyed === undefined || first === undefined || run.hasPassed) return true
    const admitted = keyed.admit(first, (waiting) => {
      this.#passed.push(waiting)
      changed()
    })
    if (admitted instanceof Promise ? await admitted : admitted) return true
    this.#running--
    this.#circuit?.ended(run.admission, [])
    return false
  }

  ended(run: Run, outcomes: readonly Outcome[]): void {
    this.#running--
    this.#circuit?.ended(run.admission, outcomes)
  }

  get isEmpty(): boolean {
    return this.head === undefined && (this.limits.keyed?.isEmpty ?? true)
  }

  /** Everything that waits here. */
  get all(): readonly Waiting[] {
    const { keyed } = this.limits
    const here = this.#passed.length === 0 ? this.#waiting : [...this.#passed, ...this.#waiting]
    return keyed === undefined ? here : [...here, ...keyed.all]
  }

  /** Takes out what `isWanted` of what waits here. */
  remove(isWanted: (waiting: Waiting) => boolean): readonly Waiting[] {
    const removed = [...this.#passed, ...this.#waiting].filter(isWanted)
    this.#passed = this.#passed.filter((each) => !isWanted(each))
    this.#waiting = this.#waiting.filter((each) => !isWanted(each))
    return [...removed, ...(this.limits.keyed?.remove(isWanted) ?? [])]
  }

  #begun(items: readonly Waiting[], admission: Admission, hasPassed: boolean): Run {
    this.#running++
    return { lane: this, items, isBatch: this.limits.batch !== undefined, admission, hasPassed }
  }
}
