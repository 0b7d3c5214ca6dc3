import type { Deadline, Deadlines } from '../../runtime/deadlines.ts'

/** How soon to hand over again what the transport could not send, where it reports no change of the link. */
const RETRY_MS = 100

/**
 * Whether sends may go out.
 *
 *   open --link down--> shut --link up--> open
 *   open --something must go out again--> holding, until all that is in flight is answered --a moment later--> open
 *
 * Holding keeps the order: what must go out again goes before everything that came after it.
 */
export class SendGate {
  readonly #deadlines: Deadlines
  readonly #inFlight: { readonly size: number }
  readonly #opened: () => void
  #isLinkDown = false
  /** Nothing goes out before all that is in flight is answered: some of it may have to go out again first. */
  #isHolding = false
  /** Some of it must. */
  #isAgain = false
  #retry: Deadline | undefined

  /** @param opened is called when sends may go out that could not, and maybe when they could */
  constructor(deadlines: Deadlines, inFlight: { readonly size: number }, opened: () => void) {
    this.#deadlines = deadlines
    this.#inFlight = inFlight
    this.#opened = opened
  }

  get isLinkDown(): boolean {
    return this.#isLinkDown
  }

  get isOpen(): boolean {
    return !this.#isLinkDown && !this.#isHolding
  }

  linkDown(): void {
    this.#isLinkDown = true
  }

  linkUp(): void {
    this.#isLinkDown = false
    this.#goOn()
  }

  /** Something that was answered must go out again. */
  again(): void {
    this.#isAgain = true
  }

  /**
   * A batch was answered.
   *
   * @param sorted is called before the gate may open, to bring what goes out again to its place
   */
  answered(sorted: () => void): void {
    this.#isHolding ||= this.#isAgain
    if (!this.#isHolding || this.#inFlight.size > 0) return
    sorted()
    // The link is down, or about to be reported so: `linkUp` follows. Where it is not, try again by ourselves.
    if (this.#isAgain) this.#retryLater()
    else this.#goOn()
  }

  #retryLater(): void {
    this.#retry?.cancel()
    this.#retry = this.#deadlines.add(RETRY_MS, () => {
      this.#retry = undefined
      if (!this.#isLinkDown) this.#goOn()
    })
  }

  #goOn(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#isAgain = false
    this.#isHolding = this.#inFlight.size > 0
    this.#opened()
  }
}
