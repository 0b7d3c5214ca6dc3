// One handler and the circuit breaker that pauses it.
import { timesPutOff } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Handle } from '../../middleware/handler.ts'
import type { Permit } from '../../resilience/circuit.ts'
import { retryAfterOf, type Breaker } from '../../resilience/circuit-breaker.ts'
import { ACKNOWLEDGED, type Outcome } from '../handling/outcome.ts'

/** That a run may begin, and with what it answers to the breaker, where it does. */
export interface Admission {
  readonly permit: Permit | undefined
}

export const FREE: Admission = { permit: undefined }

export class HandlerCircuit {
  readonly breaker: Breaker
  /** It pauses its handler; otherwise it refuses, because somebody waits for the answer. */
  readonly pauses: boolean
  readonly #isFed: boolean
  readonly #isFinal: (error: unknown) => boolean

  /**
   * @param isFed the handler's own failures are what the breaker counts; otherwise the calls through it are
   * @param pauses whether it keeps runs from beginning; otherwise {@link guarding} is around the handler
   * @param isFinal no retry cures the error: it is the message's own, and says nothing of what others need
   */
  constructor(breaker: Breaker, isFed: boolean, pauses: boolean, isFinal: (error: unknown) => boolean) {
    this.breaker = breaker
    this.pauses = pauses
    this.#isFed = isFed
    this.#isFinal = isFinal
  }

  /**
   * Milliseconds until a run may begin beside those `running`; Infinity: not before one of them ends or the breaker
   * changes. One message at a time is a probe.
   */
  blockedMs(running: number): number {
    const { state, retryAfterMs } = this.breaker
    if (state === 'open') return retryAfterMs
    return state === 'half-open' && running > 0 ? Infinity : 0
  }

  /** How long what is put off stays away. */
  get putOffMs(): number {
    return Math.max(this.breaker.settings.resetMs, this.breaker.retryAfterMs)
  }

  /** `undefined`: others that share the breaker have all the probes that may be. */
  admit(): Admission | undefined {
    if (!this.#isFed) return FREE
    const permit = this.breaker.admit()
    return permit === undefined ? undefined : { permit }
  }

  /** Tells the breaker what the run came to: one outcome, or those of a batch. */
  ended({ permit }: Admission, outcomes: readonly Outcome[]): void {
    if (permit === undefined) return
    const failed = outcomes.some((outcome) => this.#saysIll(outcome))
    const isWell = outcomes.some(({ action }) => action === 'ack')
    this.breaker.answer(permit, failed ? 'failed' : isWell ? 'succeeded' : 'abandoned')
  }

  /** Around a handler that is not paused: refuses at once what may not run. */
  guarding(next: Handle): Handle {
    return async (handling) => {
      const admission = this.breaker.state === 'open' ? undefined : this.admit()
      if (admission === undefined) throw this.breaker.refusal()
      let outcome: Outcome = ACKNOWLEDGED
      try {
        return await next(handling)
      } catch (error) {
        outcome = { action: 'reject', reason: 'failed', error }
        throw error
      } finally {
        this.ended(admission, [outcome])
      }
    }
  }

  /** Whether a message that failed so waits until the circuit is closed, with no attempt counted. */
  putsOff(error: unknown, message: WireMessage): boolean {
    const { state, settings } = this.breaker
    if (this.#isFinal(error)) return false
    return state !== 'closed' && settings.counts(error) && timesPutOff(message.headers) < settings.maxPutOffs
  }

  #saysIll(outcome: Outcome): boolean {
    const { action } = outcome
    if (action === 'ack' || action === 'return') return false
    // One that no handler has seen, or that it put aside itself, says nothing; nor does another circuit that is open.
    if (action === 'reject' && outcome.reason !== 'failed') return false
    if (this.#isFinal(outcome.error)) return false
    return retryAfterOf(outcome.error) === undefined && this.breaker.settings.counts(outcome.error)
  }
}
