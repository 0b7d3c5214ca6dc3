// Between the user's promise and the seam: batches what one turn sends, bounds what is pending, and waits out a lost link.
import { isWaybillError, WaybillError } from '../message/errors.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Deadline, Deadlines } from '../runtime/deadlines.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Outgoing, SendResult, Transport } from '../transport/transport.ts'
import { sendEnd, sendStart } from './diagnostics.ts'

export interface SendLimits {
  /** Most messages handed to `send` and not yet answered. */
  readonly maxPending: number
  /** Most bytes of bodies among them. */
  readonly maxPendingBytes: number
  /** Entries handed to the transport in one call. */
  readonly maxBatch: number
}

/** 64 Ki messages or 128 MiB: seconds of a fast broker's work, and far from the heap's end. */
export const SEND_LIMITS: SendLimits = { maxPending: 65_536, maxPendingBytes: 128 * 1024 * 1024, maxBatch: 1_024 }

interface Entry {
  readonly ordinal: number
  readonly outgoing: Outgoing
  readonly startedAt: number
  readonly settle: (error: Error | undefined) => void
  /** Whether an earlier hand-over ended with its outcome unknown. */
  doubtful: boolean
  deadline: Deadline | undefined
  stopAbort: (() => void) | undefined
  state: 'waiting' | 'sending' | 'done'
}

/**
 * Sends in order, in batches. While the link is down, sends wait for it until their deadline; one whose outcome is
 * unknown is sent again with the same id, before everything that came after it, so that order per key holds.
 */
export class SendQueue {
  readonly #transport: Transport
  readonly #runtime: Runtime
  readonly #deadlines: Deadlines
  readonly #limits: SendLimits
  /** Not yet handed over, by ordinal. */
  #waiting: Entry[] = []
  #inFlightBatches = 0
  #pending = 0
  #pendingBytes = 0
  #ordinal = 0
  #scheduled = false
  #linkDown = false
  /** Something must go out again before anything else does, and not before all that is in flight is answered. */
  #holding = false
  #closed = false
  /** Why the broker holds publishers back; `undefined` while it does not. */
  #blocked: string | undefined
  #whenIdle: (() => void)[] = []

  constructor(transport: Transport, runtime: Runtime, deadlines: Deadlines, limits: SendLimits = SEND_LIMITS) {
    this.#transport = transport
    this.#runtime = runtime
    this.#deadlines = deadlines
    this.#limits = limits
  }

  /**
   * Resolves once the engine has accepted the message.
   *
   * @param timeoutMs how long it may take in all, waiting for the link included
   */
  send(outgoing: Outgoing, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const bytes = outgoing.message.body.byteLength
    if (this.#closed)
      return Promise.reject(
        new WaybillError('WAYBILL_CLOSED', `${outgoing.message.type} was sent after the bus was closed`),
      )
    if (signal?.aborted === true) return Promise.reject(aborted(outgoing.message, signal))
    if (this.#pending >= this.#limits.maxPending || this.#pendingBytes + bytes > this.#limits.maxPendingBytes) {
      return Promise.reject(
        new WaybillError(
          'WAYBILL_BACKPRESSURE',
          `${this.#pending} messages (${this.#pendingBytes} bytes) are pending; ${outgoing.message.type} was not sent`,
        ),
      )
    }
    return new Promise((resolve, reject) => this.#enqueue(outgoing, timeoutMs, signal, resolve, reject))
  }

  /** The transport's link is down: hold everything back. */
  pause(): void {
    this.#linkDown = true
  }

  /** The link is up again. */
  resume(): void {
    this.#linkDown = false
    this.#holding = this.#inFlightBatches > 0
    this.#schedule()
  }

  /** The broker holds publishers back, or no longer does: for the error of a send that waits too long. */
  set blocked(reason: string | undefined) {
    this.#blocked = reason
  }

  /** Resolves when nothing is pending. Every send has a deadline, so this ends. */
  idle(): Promise<void> {
    return this.#pending === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** Refuses further sends, and rejects those that still wait. */
  close(): void {
    this.#closed = true
    for (const entry of this.#waiting) {
      if (entry.state === 'waiting') this.#end(entry, this.#unsent(entry, 'the bus was closed'))
    }
    this.#waiting = []
  }

  #enqueue(
    outgoing: Outgoing,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    const release = this.#runtime.hold(`send ${outgoing.message.type}`)
    const bytes = outgoing.message.body.byteLength
    const entry: Entry = {
      ordinal: this.#ordinal++,
      outgoing,
      startedAt: this.#runtime.monotonic(),
      doubtful: false,
      deadline: undefined,
      stopAbort: undefined,
      state: 'waiting',
      settle: (error) => {
        this.#pending--
        this.#pendingBytes -= bytes
        release()
        if (error === undefined) resolve()
        else reject(error)
        if (this.#pending === 0) for (const done of this.#whenIdle.splice(0)) done()
      },
    }
    this.#pending++
    this.#pendingBytes += bytes
    entry.deadline = this.#deadlines.add(timeoutMs, () =>
      this.#end(entry, this.#unsent(entry, `no confirmation within ${timeoutMs} ms`)),
    )
    if (signal !== undefined) {
      const onAbort = (): void => this.#end(entry, aborted(outgoing.message, signal))
      signal.addEventListener('abort', onAbort, { once: true })
      entry.stopAbort = () => signal.removeEventListener('abort', onAbort)
    }
    if (sendStart.hasSubscribers) sendStart.publish({ message: outgoing.message, channel: channelName(outgoing) })
    this.#waiting.push(entry)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#linkDown || this.#holding || this.#waiting.length === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#waiting.length > 0 && !this.#linkDown && !this.#holding) {
      const taken = this.#waiting.splice(0, this.#limits.maxBatch)
      const batch = taken.filter((entry) => entry.state === 'waiting')
      if (batch.length > 0) this.#hand(batch)
    }
  }

  #hand(batch: Entry[]): void {
    for (const entry of batch) entry.state = 'sending'
    this.#inFlightBatches++
    this.#transport.send(batch.map((entry) => entry.outgoing)).then(
      (results) => this.#answered(batch, results),
      (error: unknown) =>
        this.#answered(
          batch,
          batch.map(() => ({ outcome: 'unknown', error: asError(error) })),
        ),
    )
  }

  #answered(batch: Entry[], results: readonly SendResult[]): void {
    this.#inFlightBatches--
    for (const [index, entry] of batch.entries()) {
      if (entry.state === 'done') continue
      const result = results[index] ?? {
        outcome: 'unknown',
        error: new Error(`the transport answered ${results.length} of ${batch.length} entries`),
      }
      if (result.outcome === 'accepted') this.#end(entry, undefined)
      else if (result.outcome === 'unknown' || isWaybillError(result.error, 'WAYBILL_NOT_CONNECTED')) {
        entry.doubtful ||= result.outcome === 'unknown'
        entry.state = 'waiting'
        this.#waiting.push(entry)
        this.#holding = true
      } else this.#end(entry, result.error)
    }
    if (!this.#holding || this.#inFlightBatches > 0) return
    this.#waiting.sort((a, b) => a.ordinal - b.ordinal)
    // The link is down, or about to be reported so: `resume` follows. Where it is not, try again by ourselves.
    this.#deadlines.add(RETRY_MS, () => {
      if (!this.#linkDown) this.resume()
    })
  }

  #end(entry: Entry, error: Error | undefined): void {
    if (entry.state === 'done') return
    entry.state = 'done'
    entry.deadline?.cancel()
    entry.stopAbort?.()
    if (sendEnd.hasSubscribers) {
      sendEnd.publish({
        message: entry.outgoing.message,
        channel: channelName(entry.outgoing),
        durationMs: this.#runtime.monotonic() - entry.startedAt,
        error,
      })
    }
    entry.settle(error)
  }

  #unsent(entry: Entry, what: string): WaybillError {
    const why = this.#blocked === undefined ? what : `${what}: the broker holds publishers back (${this.#blocked})`
    const { type, id } = entry.outgoing.message
    return entry.doubtful || entry.state === 'sending'
      ? new WaybillError('WAYBILL_OUTCOME_UNKNOWN', `${type} (id ${id}): ${why}; it may or may not be stored`)
      : new WaybillError('WAYBILL_NOT_CONNECTED', `${type} (id ${id}): ${why}; it was not sent`)
  }
}

const RETRY_MS = 100

function channelName(outgoing: Outgoing): string {
  return outgoing.to.kind === 'address' ? outgoing.to.address : outgoing.to.name
}

function aborted(message: WireMessage, signal: AbortSignal): WaybillError {
  return new WaybillError('WAYBILL_ABORTED', `sending ${message.type} (id ${message.id}) was aborted`, {
    cause: signal.reason,
  })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
