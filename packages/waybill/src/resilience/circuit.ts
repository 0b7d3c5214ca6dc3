// A circuit as a state machine on monotonic time: nothing here waits, calls or reports. What is admitted gets a permit,
// and answers with it; a permit of an earlier state has nothing to say any more.
//
//   closed     everything is admitted. Opens at so many failures in a row, or in the window, or at a share of its calls
//   open       nothing is admitted until the reset time has passed; that is longer after each failed probe
//   half-open  at most `halfOpenProbes` are admitted at a time. As many successes in a row close it; one failure opens it
import { CountWindow, TimeWindow, type OutcomeWindow } from './outcome-window.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

/** Options of a circuit breaker, with their defaults and checked; times in milliseconds. */
export interface CircuitSettings {
  /** From 0 to 1; more than 1: never by rate. */
  readonly failureRate: number
  readonly minimumCalls: number
  readonly window: { readonly calls: number } | { readonly ms: number }
  readonly consecutiveFailures: number
  readonly failureLimit: number
  readonly resetMs: number
  readonly maxResetMs: number
  readonly halfOpenProbes: number
}

/** What one admitted call answers with; once. */
export interface Permit {
  readonly era: number
  /** Admitted to see whether the circuit can close. */
  readonly isProbe: boolean
}

export interface CircuitChange {
  readonly from: CircuitState
  readonly to: CircuitState
  /** In words, for people. */
  readonly why: string
}

export class Circuit {
  readonly #settings: CircuitSettings
  readonly #changed: (change: CircuitChange) => void
  readonly #window: OutcomeWindow
  #state: CircuitState = 'closed'
  /** Counts the changes of state. */
  #era = 0
  #inARow = 0
  #probing = 0
  #wellProbes = 0
  #opensAgain = 0
  #halfOpenAt = 0
  #forced = false

  constructor(settings: CircuitSettings, changed: (change: CircuitChange) => void) {
    this.#settings = settings
    this.#changed = changed
    const { window } = settings
    this.#window = 'calls' in window ? new CountWindow(window.calls) : new TimeWindow(window.ms)
  }

  state(now: number): CircuitState {
    if (this.#state === 'open' && !this.#forced && now >= this.#halfOpenAt) {
      this.#probing = 0
      this.#wellProbes = 0
      this.#become('half-open', 'its reset time has passed')
    }
    return this.#state
  }

  /** Milliseconds until it is half-open; 0 when it is not open, Infinity while it is held open by hand. */
  opensInMs(now: number): number {
    if (this.state(now) !== 'open') return 0
    return this.#forced ? Infinity : this.#halfOpenAt - now
  }

  admit(now: number): Permit | undefined {
    const state = this.state(now)
    if (state === 'open') return undefined
    if (state === 'closed') return { era: this.#era, isProbe: false }
    if (this.#probing >= this.#settings.halfOpenProbes) return undefined
    this.#probing++
    return { era: this.#era, isProbe: true }
  }

  succeeded({ era }: Permit, now: number): void {
    if (era !== this.#era) return
    if (this.#state === 'closed') {
      this.#inARow = 0
      this.#window.add(false, now)
    } else if (this.#state === 'half-open') {
      this.#probing--
      if (++this.#wellProbes >= this.#settings.halfOpenProbes) this.close('its probes were answered')
    }
  }

  failed({ era }: Permit, now: number): void {
    if (era !== this.#era) return
    if (this.#state === 'half-open') return this.#open(now, 'a probe failed')
    this.#inARow++
    this.#window.add(true, now)
    const why = this.#whyOpen()
    if (why !== undefined) this.#open(now, why)
  }

  /** It ended without saying anything about what the circuit guards. */
  abandoned({ era }: Permit): void {
    if (era === this.#era && this.#state === 'half-open') this.#probing--
  }

  /** Open until it is closed by hand. */
  trip(now: number): void {
    this.#forced = true
    if (this.state(now) !== 'open') this.#become('open', 'it was opened by hand')
  }

  close(why: string): void {
    this.#forced = false
    this.#opensAgain = 0
    this.#inARow = 0
    this.#window.clear()
    if (this.#state !== 'closed') this.#become('closed', why)
  }

  #open(now: number, why: string): void {
    const { resetMs, maxResetMs } = this.#settings
    // 2^30 times the least reset time is longer than any greatest one.
    this.#halfOpenAt = now + Math.min(maxResetMs, resetMs * 2 ** Math.min(30, this.#opensAgain++))
    this.#become('open', why)
  }

  #whyOpen(): string | undefined {
    const { consecutiveFailures, failureLimit, failureRate, minimumCalls } = this.#settings
    const { calls, failures } = this.#window
    if (this.#inARow >= consecutiveFailures) return `${this.#inARow} failures in a row`
    if (failures >= failureLimit) return `${failures} failures in its window`
    if (calls >= minimumCalls && failures >= failureRate * calls) return `${failures} of ${calls} calls failed`
    return undefined
  }

  #become(to: CircuitState, why: string): void {
    const from = this.#state
    this.#state = to
    this.#era++
    this.#changed({ from, to, why })
  }
}
