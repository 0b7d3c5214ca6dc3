// One subscription of a service: hands deliveries to handlers within the concurrency, and settles what becomes of them.
import type { Release, Runtime } from '../../runtime/runtime.ts'
import type { Delivery, Subscription } from '../../transport/transport.ts'
import { observed } from '../handling/observed.ts'
import type { Lane, Run } from './lane.ts'
import type { Lanes } from './lanes.ts'
import type { Logger } from '../observation/logger.ts'
import type { Process, Outcome } from '../handling/outcome.ts'
import { Patience } from './patience.ts'
import { Settling } from './settling.ts'
import type { Waiting } from '../limits/waiting.ts'
import { WakeTimer } from './wake-timer.ts'

export interface ConsumerOptions {
  readonly service: string
  readonly channel: string
  readonly group: string
  /** Nothing is kept for this instance. */
  readonly transient?: boolean
  /** Runs at a time: single messages, or batches. */
  readonly concurrency: number
  readonly prefetch: number
  /** Longer than this nothing waits here to begin: it is put off, because the engine takes back what is not settled. */
  readonly waitsAtMostMs: number
}

export interface ConsumerParts {
  readonly process: Process
  readonly lanes: Lanes
  /** Says that these deliveries are handled as one batch, and returns what is to be told as each of them ends. */
  readonly beginBatch: (deliveries: readonly Delivery[]) => (ended: Delivery) => void
  readonly runtime: Runtime
  readonly logger: Logger
}

/**
 * Bounds: at most `concurrency` runs at a time, at most `prefetch` deliveries are here, running or waiting. Time that
 * passes while deliveries wait for it holds nothing; a run does.
 */
export class Consumer {
  readonly options: ConsumerOptions
  readonly #parts: ConsumerParts
  readonly #process: Process
  readonly #settling: Settling
  readonly #wake: WakeTimer
  readonly #patience: Patience
  #subscription: Subscription | undefined
  #concurrency: number
  #prefetch: number
  #running = 0
  /** Deliveries here that are not settled. */
  #unsettled = 0
  #stopped = false
  #starting = false
  #startAgain = false
  /** Deliveries here that nobody will settle: the broker hands them out again once the subscription is closed. */
  #returned = 0
  readonly #early: Delivery[] = []
  #whenNoneRuns: (() => void) | undefined

  constructor(options: ConsumerOptions, parts: ConsumerParts) {
    this.options = options
    this.#parts = parts
    this.#process = observed(parts.process, options, parts.runtime)
    this.#settling = new Settling(options, parts.runtime, parts.logger)
    this.#wake = new WakeTimer(parts.runtime, () => this.start())
    this.#patience = new Patience(parts.lanes, options.waitsAtMostMs, (delivery, afterMs) =>
      this.#putOff(delivery, afterMs),
    )
    this.#concurrency = options.concurrency
    this.#prefetch = options.prefetch
  }

  get concurrency(): number {
    return this.#concurrency
  }
  get prefetch(): number {
    return this.#prefetch
  }
  /** Handlers running now. */
  get running(): number {
    return this.#running
  }
  /** Deliveries settled since the start. */
  get handled(): number {
    return this.#settling.handled
  }

  /** The subscription that deliveries come from; those that came before it was known are taken up now. */
  attach(subscription: Subscription): void {
    this.#subscription = subscription
    this.#settling.attach(subscription)
    this.#take(this.#early.splice(0))
  }

  /** Takes a batch from the transport. */
  receive(batch: readonly Delivery[]): void {
    if (this.#subscription === undefined) this.#early.push(...batch)
    else this.#take(batch)
  }

  /** Changes the limits while running. */
  tune(concurrency: number, prefetch: number): void {
    if (this.#stopped) return
    this.#concurrency = concurrency
    if (prefetch !== this.#prefetch) {
      this.#prefetch = prefetch
      this.#subscription?.flow(prefetch)
    }
    this.start()
  }

  /**
   * Starts no further handler, waits until `deadlineMs` for those that run, and closes the subscription. What waits here
   * goes back to the broker.
   */
  async close(deadlineMs: number): Promise<void> {
    const { runtime, lanes } = this.#parts
    const until = runtime.monotonic() + deadlineMs
    this.#stopped = true
    this.#wake.cancel()
    this.#returned += this.#early.splice(0).length + lanes.take(() => true).length
    // The transport waits for every delivery to be settled. Those given back never will be, so it must not wait for them.
    if (this.#returned > 0) await this.#noneRuns(deadlineMs)
    const left = Math.max(0, until - runtime.monotonic())
    await this.#subscription?.close(this.#returned > 0 ? Math.min(left, this.#settling.movingMs) : left)
  }

  /** The engine has taken these back: what has not begun of them will not. */
  forget(isGone: (delivery: Delivery) => boolean): void {
    const gone = this.#parts.lanes.take(({ delivery }) => isGone(delivery))
    this.#unsettled -= gone.length
    this.start()
  }

  /** Begins what may begin now; to be called when something outside has changed. */
  start(): void {
    // A circuit may change at the very question whether it is open, and calls this.
    this.#startAgain = true
    if (this.#starting) return
    this.#starting = true
    while (this.#startAgain) {
      this.#startAgain = false
      this.#begin()
    }
    this.#starting = false
  }

  #begin(): void {
    const { lanes, runtime } = this.#parts
    if (this.#stopped) return
    const now = runtime.monotonic()
    let waitMs = Infinity
    while (this.#running < this.#concurrency) {
      const run = lanes.next(now, this.#running, this.#isFull)
      if (run === undefined) {
        waitMs = Math.min(lanes.waitMs, this.#isFull ? this.#patience.makeRoom(now) : Infinity)
        break
      }
      this.#running++
      void this.#run(run)
    }
    this.#wake.in(Math.min(waitMs, this.#patience.putOffOld(now)))
  }

  /** No further delivery can come before one here is settled. */
  get #isFull(): boolean {
    return this.#unsettled >= this.#prefetch
  }

  #noneRuns(deadlineMs: number): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#parts.runtime.setTimer(deadlineMs, resolve)
      this.#whenNoneRuns = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #take(batch: readonly Delivery[]): void {
    if (this.#stopped) {
      this.#returned += batch.length
      return
    }
    const now = this.#parts.runtime.monotonic()
    this.#unsettled += batch.length
    for (const delivery of batch) {
      const awayMs = this.#parts.lanes.add(delivery, now)
      if (awayMs !== undefined) this.#putOff(delivery, awayMs)
    }
    this.start()
  }

  async #run(run: Run): Promise<void> {
    const { lane, items } = run
    const releases = items.map(({ delivery }) => this.#hold(delivery))
    if (lane.limits.keyed === undefined || (await this.#passes(run))) {
      const [first] = items as readonly [Waiting] // a run is never empty
      const outcomes = run.isBatch ? await this.#handleBatch(items) : [await this.#process(first.delivery)]
      this.#running--
      lane.ended(run, outcomes)
      this.#parts.lanes.ended(run, this.#parts.runtime.monotonic())
      items.forEach(({ delivery }, nth) => this.#settle(delivery, outcomes[nth] as Outcome, lane)) // one for each
    } else this.#running--
    for (const release of releases) release()
    this.start()
    if (this.#running === 0) this.#whenNoneRuns?.()
  }

  #handleBatch(items: readonly Waiting[]): Promise<readonly Outcome[]> {
    const deliveries = items.map(({ delivery }) => delivery)
    const ended = this.#parts.beginBatch(deliveries)
    return Promise.all(
      deliveries.map(async (delivery) => {
        const outcome = await this.#process(delivery)
        ended(delivery)
        return outcome
      }),
    )
  }

  /** Whether the run may go on; otherwise it stands in line until its key's time has come. */
  async #passes(run: Run): Promise<boolean> {
    const passes = await run.lane.passes(run, () => this.start())
    // What stands in line since the subscription was closed is given back like all that waited.
    if (!passes && this.#stopped) this.#returned += this.#parts.lanes.take(() => true).length
    return passes
  }

  #settle(delivery: Delivery, outcome: Outcome, { limits: { circuit } }: Lane): void {
    if (outcome.action === 'return') {
      this.#returned++
      return
    }
    this.#unsettled--
    if (outcome.action !== 'put-off') return this.#settling.settle(delivery, outcome)
    // A probe that failed has made the circuit wait anew.
    this.#settling.settle(delivery, { ...outcome, afterMs: Math.max(outcome.afterMs, circuit?.putOffMs ?? 0) })
  }

  #putOff(delivery: Delivery, afterMs: number): void {
    this.#unsettled--
    this.#settling.settle(delivery, { action: 'put-off', afterMs, error: undefined })
  }

  #hold({ message: { type } }: Delivery): Release {
    return this.#parts.runtime.hold(`${this.options.service} handling ${type}`)
  }
}
