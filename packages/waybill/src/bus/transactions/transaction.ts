// What one transaction of the user's sends: rows of its outbox instead of messages to the broker.
import type { AnyContracted } from '../../contract/contract.ts'
import { sequenceOf } from '../../inbox/sequence.ts'
import { WaybillError } from '../../message/errors.ts'
import { OutboxWriter } from '../../outbox/outbox-writer.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { NewOutboxRow, StoreSession } from '../../store/store.ts'
import type { Outgoing } from '../../transport/transport.ts'
import type { Outlet } from '../sending/outlet.ts'

/** The rows of one transaction, in the order of the calls. */
export class Transaction implements Outlet {
  readonly session: StoreSession
  readonly #runtime: Runtime
  readonly #writer: OutboxWriter
  readonly #onRow: (row: NewOutboxRow) => void
  #waits = false
  #sends = 0
  #whenSent: (() => void) | undefined

  /** @param onRow hears of each row that is in the transaction now */
  constructor(session: StoreSession, runtime: Runtime, onRow: (row: NewOutboxRow) => void = () => {}) {
    this.session = session
    this.#runtime = runtime
    this.#writer = new OutboxWriter(session)
    this.#onRow = onRow
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#writer.rows
  }

  async put(contracted: AnyContracted, outgoing: Outgoing, _timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { message, to, delayMs = 0 } = outgoing
    if (signal?.aborted === true) {
      const what = `sending ${message.type} (id ${message.id}) was aborted`
      throw new WaybillError('WAYBILL_ABORTED', what, { cause: signal.reason })
    }
    if (!contracted.sequence)
      return this.write(delayMs > 0 ? { message, to, dueAt: this.#runtime.now() + delayMs } : { message, to })
    if (delayMs > 0)
      throw new TypeError(`${message.type} is numbered in the order in which it is sent: it cannot be delayed`)
    await this.write({ message, to }, sequenceOf(message))
  }

  /** Resolves when the row is in the transaction. */
  async write(row: NewOutboxRow, counter?: string): Promise<void> {
    await this.#writer.add(row, counter)
    this.#waits ||= row.dueAt !== undefined
    this.#onRow(row)
  }

  /** Some of them wait until they are due. */
  get waits(): boolean {
    return this.#waits
  }

  /** Takes back what is scheduled under this id and has not left; whether there was anything. */
  cancel(scheduleId: string): Promise<boolean> {
    return this.#writer.cancel(scheduleId)
  }

  /** A send that was called before the transaction ends is part of it, although its body is still being checked. */
  async sending<R>(send: () => Promise<R>): Promise<R> {
    this.#sends++
    try {
      return await send()
    } finally {
      if (--this.#sends === 0) this.#whenSent?.()
    }
  }

  /** Takes nothing more; resolves when everything sent so far is in the transaction, rejects where something is not. */
  async end(): Promise<void> {
    if (this.#sends > 0) await new Promise<void>((resolve) => (this.#whenSent = resolve))
    await this.#writer.end()
  }

  /** Takes nothing more: the transaction is rolled back. */
  abandon(): Promise<void> {
    return this.#writer.abandon()
  }
}
