// Deliveries that were handed out again and again without being settled: one of them may be what ends the process.
import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery } from '../../transport/transport.ts'
import type { Run } from './lane.ts'
import type { Waiting } from '../limits/waiting.ts'

/** So long the acknowledgement of one suspect has to reach the broker before the next one begins. */
const PAUSE_MS = 100

/**
 * Handles suspects alone and in no order. When a process dies, all that it held counts as handed out once more; alone,
 * only the culprit is there each time, and whoever came before it that time is settled. So what is put aside in the end as
 * poison is the culprit, and not those that happened to be beside it.
 */
export class Quarantine {
  readonly #suspectAt: number
  readonly #maxDeliveries: number
  readonly #runtime: Runtime
  #waiting: Waiting[] = []
  #running: Run | undefined
  #nextAt = -Infinity

  /** @param maxDeliveries deliveries after which a message is put aside unhandled */
  constructor(maxDeliveries: number, runtime: Runtime) {
    this.#maxDeliveries = maxDeliveries
    this.#suspectAt = Math.max(2, Math.ceil(maxDeliveries / 4))
    this.#runtime = runtime
  }

  isSuspect({ deliveryCount = 1 }: Delivery): boolean {
    // What has had its tries reaches no handler any more.
    return deliveryCount >= this.#suspectAt && deliveryCount <= this.#maxDeliveries
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#running === undefined
  }

  get all(): readonly Waiting[] {
    return this.#waiting
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  /**
   * The run of a suspect, where one may begin; otherwise the milliseconds until nothing of the quarantine stands in the way
   * of others any more: 0, Infinity while a suspect runs or waits for `othersRun` to end.
   */
  begin(now: number, othersRun: boolean, beginAlone: (waiting: Waiting) => Run | undefined): Run | number {
    if (this.#running !== undefined) return Infinity
    if (this.#waiting.length === 0) return 0
    if (othersRun) return Infinity
    if (now < this.#nextAt) return this.#nextAt - now
    const first = Math.floor(this.#runtime.random() * this.#waiting.length)
    for (let n = 0; n < this.#waiting.length; n++) {
      const at = (first + n) % this.#waiting.length
      const run = beginAlone(this.#waiting[at] as Waiting) // below length
      if (run === undefined) continue
      this.#waiting.splice(at, 1)
      return (this.#running = run)
    }
    return 0
  }

  ended(run: Run, now: number): void {
    if (run !== this.#running) return
    this.#running = undefined
    this.#nextAt = now + PAUSE_MS
  }

  remove(isWanted: (waiting: Waiting) => boolean): readonly Waiting[] {
    const removed = this.#waiting.filter(isWanted)
    this.#waiting = this.#waiting.filter((each) => !isWanted(each))
    return removed
  }
}
