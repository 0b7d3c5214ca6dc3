import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Deadline } from '../../runtime/deadlines.ts'
import type { Release } from '../../runtime/runtime.ts'
import type { Outgoing } from '../../transport/transport.ts'
import { sendEnd, sendStart } from '../observation/diagnostics.ts'

/** One message between the caller's promise and the seam. */
export class PendingSend {
  /** Its place in the order of sending. */
  readonly ordinal: number
  readonly outgoing: Outgoing
  readonly startedAt: number
  /** `in-line`: it waits for a place among those that may be pending. */
  state: 'in-line' | 'waiting' | 'sending' | 'done' = 'waiting'
  /** Whether an earlier hand-over ended with its outcome unknown. */
  doubtful = false
  deadline: Deadline | undefined
  readonly #resolve: () => void
  readonly #reject: (error: Error) => void
  readonly #release: Release
  #stopAbort: (() => void) | undefined

  constructor(
    ordinal: number,
    outgoing: Outgoing,
    startedAt: number,
    resolve: () => void,
    reject: (error: Error) => void,
    release: Release,
  ) {
    this.ordinal = ordinal
    this.outgoing = outgoing
    this.startedAt = startedAt
    this.#resolve = resolve
    this.#reject = reject
    this.#release = release
  }

  get message(): WireMessage {
    return this.outgoing.message
  }

  get bytes(): number {
    return this.outgoing.message.body.byteLength
  }

  onAbort(signal: AbortSignal, abort: () => void): void {
    signal.addEventListener('abort', abort, { once: true })
    this.#stopAbort = () => signal.removeEventListener('abort', abort)
  }

  /** Tells the caller. Once. */
  settle(error: Error | undefined, now: number): void {
    this.state = 'done'
    this.deadline?.cancel()
    this.#stopAbort?.()
    publishSendEnd(this.outgoing, now - this.startedAt, error)
    this.#release()
    if (error === undefined) this.#resolve()
    else this.#reject(error)
  }

  /** Why the caller gives up on it, by what is known of its fate. */
  unconfirmed(why: string): WaybillError {
    const { type, id } = this.message
    if (this.state === 'in-line') {
      const what = `${type} (id ${id}): ${why}; it was not sent, for so many were pending before it`
      return new WaybillError('WAYBILL_BACKPRESSURE', what)
    }
    return this.doubtful || this.state === 'sending'
      ? new WaybillError('WAYBILL_OUTCOME_UNKNOWN', `${type} (id ${id}): ${why}; it may or may not be stored`)
      : new WaybillError('WAYBILL_NOT_CONNECTED', `${type} (id ${id}): ${why}; it was not sent`)
  }
}

export function publishSendStart(outgoing: Outgoing): void {
  if (sendStart.hasSubscribers) sendStart.publish({ message: outgoing.message, channel: channelName(outgoing) })
}

export function publishSendEnd(outgoing: Outgoing, durationMs: number, error: Error | undefined): void {
  if (!sendEnd.hasSubscribers) return
  sendEnd.publish({ message: outgoing.message, channel: channelName(outgoing), durationMs, error })
}

function channelName(outgoing: Outgoing): string {
  return outgoing.to.kind === 'address' ? outgoing.to.address : outgoing.to.name
}
