// What one transaction sends: collected in the order of the calls, written in one statement for each turn.
import { WaybillError } from '../message/errors.ts'
import type { NewOutboxRow, StoreSession } from '../store/store.ts'

/** Rows of one statement at most. */
const MAX_ROWS = 500

/** A row to be, and who waits for it. */
interface Pending {
  readonly row: NewOutboxRow
  /** The sequence that the message takes its number from. */
  readonly counter: string | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Writes the rows of one transaction. After `end` it takes no more. */
export class OutboxWriter {
  readonly #session: StoreSession
  #pending: Pending[] = []
  #writing: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined
  #ended = false
  #rows = 0

  constructor(session: StoreSession) {
    this.#session = session
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#rows
  }

  /**
   * Resolves when the row is in the transaction.
   *
   * @throws {WaybillError} `WAYBILL_TRANSACTION_ENDED` after the transaction
   */
  add(row: NewOutboxRow, counter?: string): Promise<void> {
    if (this.#ended) return Promise.reject(ended(row.message.type))
    return new Promise((resolve, reject) => {
      this.#pending.push({ row, counter, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  /** Takes back what is scheduled under this id; whether there was anything. What was added before is written first. */
  async cancel(scheduleId: string): Promise<boolean> {
    if (this.#ended) throw ended(`the schedule ${scheduleId}`)
    await this.#writing
    return (await this.#session.cancel([scheduleId])) > 0
  }

  /** Takes nothing more; resolves when everything is in the transaction, rejects where something could not be written. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /**
   * Takes nothing more, and writes nothing more: the transaction is rolled back. Resolves when it is at rest. Who did not await
   * what he sent has failed already, by what rolls it back: no second error comes out of nowhere.
   */
  async abandon(): Promise<void> {
    this.#ended = true
    for (const { resolve } of this.#pending.splice(0)) resolve()
    await this.#writing
  }

  /** One statement at a time, so that the order of calls is the order of rows whatever the driver does. */
  async #write(): Promise<void> {
    await Promise.resolve() // the rest of this turn's calls
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, MAX_ROWS)
      try {
        await this.#session.enqueue(await this.#numbered(batch))
        this.#rows += batch.length
        for (const { resolve } of batch) resolve()
      } catch (error) {
        // The transaction must not commit without them, whether or not somebody awaits the promise.
        this.#failure ??= { error }
        for (const { reject } of batch) reject(error)
      }
    }
    this.#writing = undefined
  }

  /** Gives numbers in the order of the calls. Counters are asked for in one order, so that two transactions do not wait for each other. */
  async #numbered(batch: readonly Pending[]): Promise<readonly NewOutboxRow[]> {
    const groups = Map.groupBy(batch, ({ counter }) => counter)
    const numbers = new Map<Pending, number>()
    for (const counter of [...groups.keys()].filter((each) => each !== undefined).toSorted()) {
      const members = groups.get(counter) ?? []
      const first = await this.#session.nextSequence(counter, members.length)
      for (const [index, each] of members.entries()) numbers.set(each, first + index)
    }
    return batch.map((each) => {
      const sequence = numbers.get(each)
      return sequence === undefined ? each.row : { ...each.row, message: { ...each.row.message, sequence } }
    })
  }
}

function ended(what: string): WaybillError {
  return new WaybillError('WAYBILL_TRANSACTION_ENDED', `${what} was sent after its transaction had ended`)
}
