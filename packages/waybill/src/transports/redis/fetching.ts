import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Intake } from '../../transport/local-source.ts'
import type { Connection } from './connection.ts'
import type { Context } from './context.ts'

/** Streams, and the id behind which there is news. */
type Streams = ReadonlyMap<string, string>

/** Fetches while there is room, one fetch at a time; where nothing is left, the bell tells when to go on. */
export class Fetching {
  readonly #context: Context
  readonly #connection: Connection
  readonly #intake: Intake
  readonly #fetch: (room: number) => Promise<Streams | undefined>
  #busy = false
  #watching = false

  /** @param fetch resolves with what to watch, where nothing is left */
  constructor(
    context: Context,
    connection: Connection,
    intake: Intake,
    fetch: (room: number) => Promise<Streams | undefined>,
  ) {
    this.#context = context
    this.#connection = connection
    this.#intake = intake
    this.#fetch = fetch
  }

  /** Fetches, unless that is going on, or there is nothing. */
  soon(): void {
    const room = this.#intake.room()
    if (this.#busy || this.#watching || this.#connection.isClosed || room <= 0) return
    this.#busy = true
    void this.#fetch(room)
      .then((streams) => this.#watch(streams))
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.#busy = false
        this.soon()
      })
  }

  end(): void {
    this.#context.bell.unwatch(this)
  }

  failed(thrown: unknown): void {
    // A link that is down says so itself.
    if (this.#connection.isClosed || !this.#intake.isOpen) return
    const error = asError(thrown)
    if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) this.#context.emit({ type: 'error', error })
    this.#intake.lost(error)
  }

  #watch(streams: Streams | undefined): void {
    if (streams === undefined || !this.#intake.isOpen) return
    this.#watching = true
    this.#context.bell.watch(this, streams, () => {
      this.#watching = false
      this.soon()
    })
  }
}
