// The requests of one bus that wait for replies, matched by the id of the request (a reply's causation id).
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Deadline, Deadlines } from '../../runtime/deadlines.ts'

/** Waits for the replies to one request. */
export interface ReplyListener {
  /** A reply came. Return true when no further one is wanted. */
  reply(message: WireMessage): boolean
  /** No further reply will come. */
  ended(error: WaybillError): void
}

interface Pending {
  readonly listener: ReplyListener
  readonly deadline: Deadline
}

/** A slow answerer must not fill the memory of the asker. */
const MAX_REQUESTS = 65_536

export class Replies {
  readonly #deadlines: Deadlines
  readonly #pending = new Map<string, Pending>()
  readonly #whenIdle: (() => void)[] = []

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  get size(): number {
    return this.#pending.size
  }

  /**
   * Listens for replies to the request `id` until the listener wants no more, `timeoutMs` have passed, or the returned
   * function is called.
   *
   * @throws {WaybillError} `WAYBILL_BACKPRESSURE` when too many requests are pending
   */
  expect(id: string, what: string, timeoutMs: number, listener: ReplyListener): () => void {
    if (this.#pending.size >= MAX_REQUESTS) {
      throw new WaybillError(
        'WAYBILL_BACKPRESSURE',
        `${MAX_REQUESTS} requests are waiting for replies; ${what} was not sent`,
      )
    }
    this.#pending.set(id, {
      listener,
      deadline: this.#deadlines.add(timeoutMs, () =>
        this.#fail(
          id,
          new WaybillError('WAYBILL_REQUEST_TIMEOUT', `${what} (id ${id}) had no reply within ${timeoutMs} ms`),
        ),
      ),
    })
    return () => void this.#take(id)
  }

  /** Hands a reply to whom it answers. False when nobody waits for it any more. */
  dispatch(message: WireMessage): boolean {
    const id = message.causationId
    const pending = id === undefined ? undefined : this.#pending.get(id)
    if (id === undefined || pending === undefined) return false
    if (pending.listener.reply(message)) this.#take(id)
    return true
  }

  /** Resolves when nobody waits for a reply. Every request has a deadline, so this ends. */
  idle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** The reply address was lost: what was asked before will not be answered here. */
  failAll(error: WaybillError): void {
    for (const id of this.#pending.keys()) this.#fail(id, error)
  }

  #fail(id: string, error: WaybillError): void {
    this.#take(id)?.listener.ended(error)
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    pending.deadline.cancel()
    if (this.size === 0) for (const done of this.#whenIdle.splice(0)) done()
    return pending
  }
}
