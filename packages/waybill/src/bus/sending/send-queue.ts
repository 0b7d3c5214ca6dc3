// Between the user's promise and the seam: batches what one turn sends, bounds what is pending, and waits out a lost link.
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Outgoing, SendResult, Transport } from '../../transport/transport.ts'
import { asError } from '../../message/as-error.ts'
import { PendingSend, publishSendEnd, publishSendStart } from './pending-send.ts'
import { SendGate } from './send-gate.ts'
import { SEND_LIMITS, type SendLimits } from './send-limits.ts'
import { SendRoom } from './send-room.ts'

/**
 * Sends in order, in batches. While the link is down, sends wait for it until their deadline; one whose outcome is
 * unknown is sent again with the same id, before everything that came after it, so that order per key holds.
 */
export class SendQueue {
  readonly #transport: Transport
  readonly #runtime: Runtime
  readonly #deadlines: Deadlines
  readonly #limits: SendLimits
  /** Not yet handed over, by ordinal. Those that have ended meanwhile are dropped when they outnumber the others. */
  #waiting: PendingSend[] = []
  #ended = 0
  readonly #inFlight = new Set<readonly PendingSend[]>()
  /** Callers that wait. */
  #callers = 0
  readonly #room: SendRoom
  readonly #gate: SendGate
  #ordinal = 0
  #scheduled = false
  #closed = false
  /** Why the broker holds publishers back; `undefined` while it does not. */
  #blocked: string | undefined
  #whenIdle: (() => void)[] = []

  constructor(transport: Transport, runtime: Runtime, deadlines: Deadlines, limits: SendLimits = SEND_LIMITS) {
    this.#transport = transport
    this.#runtime = runtime
    this.#deadlines = deadlines
    this.#limits = limits
    this.#room = new SendRoom(limits)
    this.#gate = new SendGate(deadlines, this.#inFlight, () => this.#schedule())
  }

  /**
   * Resolves once the engine has accepted the message. While too many are pending it waits for a place; beyond a line of
   * bounded length it is refused at once.
   *
   * @param timeoutMs how long it may take in all, waiting for the link included
   */
  send(outgoing: Outgoing, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    publishSendStart(outgoing)
    const refusal = this.#refusal(outgoing, signal)
    if (refusal !== undefined) {
      publishSendEnd(outgoing, 0, refusal)
      return Promise.reject(refusal)
    }
    return new Promise((resolve, reject) => {
      const release = this.#runtime.hold(`send ${outgoing.message.type}`)
      const now = this.#runtime.monotonic()
      this.#enqueue(new PendingSend(this.#ordinal++, outgoing, now, resolve, reject, release), timeoutMs, signal)
    })
  }

  /** The transport's link is down: hold everything back. */
  pause(): void {
    this.#gate.linkDown()
  }

  /** The link is up again. */
  resume(): void {
    this.#gate.linkUp()
  }

  /** The transport's link is down, as far as it has told. */
  get isPaused(): boolean {
    return this.#gate.isLinkDown
  }

  /** The broker holds publishers back, or no longer does: for the error of a send that waits too long. */
  get blocked(): string | undefined {
    return this.#blocked
  }
  set blocked(reason: string | undefined) {
    this.#blocked = reason
  }

  /** Entries kept here, those included that have ended and are not dropped yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves when no caller waits. Every send has a deadline, so this ends. */
  idle(): Promise<void> {
    return this.#callers === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** Refuses further sends, and rejects those that still wait. What is in flight may still be answered. */
  close(): void {
    this.#closed = true
    for (const entry of this.#room.dissolve()) this.#tell(entry, this.#unconfirmed(entry, 'the bus was closed'))
    for (const entry of this.#waiting.splice(0)) this.#end(entry, this.#unconfirmed(entry, 'the bus was closed'))
    this.#ended = 0
  }

  /** The transport is closed and will answer no more: tells who still waits that the outcome is unknown. */
  abandon(): void {
    for (const batch of this.#inFlight) {
      for (const entry of batch) this.#end(entry, this.#unconfirmed(entry, 'the bus was closed'))
    }
  }

  #refusal({ message: { type, body, id } }: Outgoing, signal: AbortSignal | undefined): WaybillError | undefined {
    if (this.#closed) return new WaybillError('WAYBILL_CLOSED', `${type} was sent after the bus was closed`)
    if (signal?.aborted === true) return aborted(type, id, signal)
    const why = this.#room.refusal(body.byteLength)
    return why === undefined ? undefined : new WaybillError('WAYBILL_BACKPRESSURE', `${type} was not sent: ${why}`)
  }

  #enqueue(entry: PendingSend, timeoutMs: number, signal: AbortSignal | undefined): void {
    this.#callers++
    const hasPlace = this.#room.enter(entry)
    entry.deadline = this.#deadlines.add(timeoutMs, () =>
      this.#end(entry, this.#unconfirmed(entry, `no confirmation within ${timeoutMs} ms`)),
    )
    if (signal !== undefined) {
      entry.onAbort(signal, () => this.#end(entry, aborted(entry.message.type, entry.message.id, signal)))
    }
    if (!hasPlace) return
    this.#waiting.push(entry)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || !this.#gate.isOpen || this.#waiting.length === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#gate.isOpen) {
      const taken = this.#waiting.splice(0, this.#limits.maxBatch)
      const batch = this.#ended === 0 ? taken : taken.filter((entry) => entry.state === 'waiting')
      this.#ended -= taken.length - batch.length
      if (batch.length > 0) this.#hand(batch)
    }
  }

  #hand(batch: readonly PendingSend[]): void {
    for (const entry of batch) entry.state = 'sending'
    this.#inFlight.add(batch)
    const failed = (error: unknown): void => {
      const reason = asError(error)
      // These two say that nothing of the batch was handed over; any other rejection says nothing.
      const unsent = isWaybillError(reason, 'WAYBILL_NOT_CONNECTED') || isWaybillError(reason, 'WAYBILL_CLOSED')
      const result: SendResult = { outcome: unsent ? 'refused' : 'unknown', error: reason }
      this.#answered(
        batch,
        batch.map(() => result),
      )
    }
    try {
      this.#transport
        .send(batch.map((entry) => entry.outgoing))
        .then((results) => this.#answered(batch, results), failed)
    } catch (error) {
      failed(error) // a transport that throws instead of rejecting
    }
  }

  #answered(batch: readonly PendingSend[], results: readonly SendResult[]): void {
    this.#inFlight.delete(batch)
    for (const [index, entry] of batch.entries()) {
      const result = results[index] ?? {
        outcome: 'unknown',
        error: new Error(`the transport answered ${results.length} of ${batch.length} entries`),
      }
      if (entry.state !== 'done') {
        if (isOpen(result) && !this.#closed) {
          this.#sendAgain(entry, result)
          continue
        }
        this.#conclude(entry, result)
      }
      this.#forget(entry)
    }
    this.#gate.answered(() => this.#waiting.sort((a, b) => a.ordinal - b.ordinal))
  }

  #sendAgain(entry: PendingSend, { outcome }: SendResult): void {
    entry.doubtful ||= outcome === 'unknown'
    entry.state = 'waiting'
    this.#waiting.push(entry)
    this.#gate.again()
  }

  #conclude(entry: PendingSend, result: SendResult): void {
    if (result.outcome === 'accepted') return this.#tell(entry, undefined)
    if (!isOpen(result)) return this.#tell(entry, asError(result.error))
    entry.doubtful ||= result.outcome === 'unknown'
    if (result.outcome === 'refused') entry.state = 'waiting' // it was not sent, as its error is to say
    this.#tell(entry, this.#unconfirmed(entry, 'the bus was closed'))
  }

  #end(entry: PendingSend, error: Error): void {
    if (entry.state === 'done') return
    const { state } = entry
    this.#tell(entry, error)
    if (state === 'in-line') this.#room.forget(entry)
    if (state !== 'waiting') return // the transport still holds it
    this.#forget(entry)
    // A long outage ends many sends at their deadlines: what has ended must not pile up here until the link returns.
    if (++this.#ended <= 64 || this.#ended <= this.#waiting.length / 2) return
    this.#waiting = this.#waiting.filter((one) => one.state === 'waiting')
    this.#ended = 0
  }

  #tell(entry: PendingSend, error: Error | undefined): void {
    entry.settle(error, this.#runtime.monotonic())
    if (--this.#callers === 0) for (const done of this.#whenIdle.splice(0)) done()
  }

  #forget(entry: PendingSend): void {
    const entering = this.#room.leave(entry)
    if (entering.length === 0) return
    this.#waiting.push(...entering)
    this.#schedule()
  }

  #unconfirmed(entry: PendingSend, what: string): WaybillError {
    return entry.unconfirmed(
      this.#blocked === undefined ? what : `${what}: the broker holds publishers back (${this.#blocked})`,
    )
  }
}

/** Not decided: it goes out again, unless the bus is closed. */
function isOpen(result: SendResult): boolean {
  return (
    result.outcome === 'unknown' ||
    (result.outcome === 'refused' && isWaybillError(result.error, 'WAYBILL_NOT_CONNECTED'))
  )
}

function aborted(type: string, id: string, signal: AbortSignal): WaybillError {
  return new WaybillError('WAYBILL_ABORTED', `sending ${type} (id ${id}) was aborted`, { cause: signal.reason })
}
