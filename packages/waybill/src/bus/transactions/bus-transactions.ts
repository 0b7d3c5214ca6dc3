// What a bus with a store says outside of handlers: in transactions of the user's, and in short ones of its own.
import type { AnyCommand, AnyContracted, AnyDocument, AnyStoredEvent, In } from '../../contract/contract.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Relay } from '../../outbox/relay.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'
import type { EngineFacts } from '../../transport/engine-facts.ts'
import type { Outlet } from '../sending/outlet.ts'
import type { Sent } from '../sending/sender.ts'
import { Transaction } from './transaction.ts'
import type { DatabaseSender, ScheduleOptions, TransactionSender } from '../sending/transaction-sender.ts'

export interface BusTransactionsParts {
  readonly store: Store<unknown> | undefined
  readonly runtime: Runtime
  readonly relayOf: (store: Store<unknown>) => Pick<Relay, 'wake' | 'scheduled' | 'expect'>
  /** What the bus says within a transaction. */
  readonly speakWithin: (transaction: Transaction) => TransactionSender
  /** What the bus says within a transaction of the database that is the engine; `undefined` where it is none. */
  readonly speakInEngine: ((tx: object) => DatabaseSender) | undefined
  readonly facts: () => EngineFacts
}

export class BusTransactions {
  readonly #parts: BusTransactionsParts
  /** One for each, so that the order of calls is kept over all of `bus.in(tx)`. */
  readonly #senders = new WeakMap<object, DatabaseSender>()

  constructor(parts: BusTransactionsParts) {
    this.#parts = parts
  }

  /** @throws {TypeError} when the bus has no store, and its engine is no database, or `tx` is no object */
  in(tx: unknown): DatabaseSender {
    if (typeof tx !== 'object' || tx === null)
      throw new TypeError('bus.in(tx) takes the transaction object of the store')
    const known = this.#senders.get(tx)
    if (known !== undefined) return known
    const { store, speakInEngine } = this.#parts
    const sender = store === undefined && speakInEngine !== undefined ? speakInEngine(tx) : this.#written(tx)
    this.#senders.set(tx, sender)
    return sender
  }

  #written(tx: object): TransactionSender {
    const store = this.#store()
    const relay = this.#parts.relayOf(store)
    const transaction = new Transaction(store.within(tx), this.#parts.runtime, ({ message, dueAt }) =>
      relay.expect(dueAt === undefined ? message.id : undefined),
    )
    return this.#parts.speakWithin(transaction)
  }

  schedule<M extends AnyStoredEvent | AnyCommand | AnyDocument>(
    message: M,
    body: In<M>,
    options: ScheduleOptions,
  ): Promise<Sent> {
    return this.#alone((sender) => sender.schedule(message, body, options))
  }

  cancelScheduled(id: string): Promise<boolean> {
    return this.#alone((sender) => sender.cancelScheduled(id))
  }

  /**
   * Where a message goes that the broker cannot delay for so long: to the schedule.
   *
   * @throws {WaybillError} `WAYBILL_NEEDS_TRANSACTION` for one that is numbered; `WAYBILL_LIMIT`, `WAYBILL_UNSUPPORTED` where
   *   the broker cannot delay it and there is no store
   */
  outletFor(contracted: AnyContracted, delayMs: number): Outlet | undefined {
    if (contracted.sequence)
      throw new WaybillError('WAYBILL_NEEDS_TRANSACTION', `${contracted.type} was sent outside of a transaction`)
    if (delayMs === 0) return undefined
    const { engine, capabilities, limits } = this.#parts.facts()
    const refused = capabilities.delayedSend === 'refused'
    if (!refused && delayMs <= limits.maxDelayMs.value) return undefined
    if (this.#parts.store !== undefined) return this.#outbox
    const cure = 'Give the bus a store, which keeps it until it is due: createBus({ store }).'
    if (refused) {
      const what = `${contracted.type} is to be delayed, which ${engine} cannot`
      throw new WaybillError('WAYBILL_UNSUPPORTED', what, { cure })
    }
    const what = `${contracted.type} is to be delayed by ${delayMs} ms; ${engine} can delay a message by ${limits.maxDelayMs.value} ms`
    throw new WaybillError('WAYBILL_LIMIT', what, { cure: `Delay it less. ${cure}` })
  }

  readonly #outbox: Outlet = {
    put: async (contracted, outgoing, timeoutMs, signal) => {
      await this.#inOwn((transaction) => transaction.put(contracted, outgoing, timeoutMs, signal))
    },
  }

  #alone<R>(say: (sender: TransactionSender) => Promise<R>): Promise<R> {
    return this.#inOwn((transaction) => say(this.#parts.speakWithin(transaction)))
  }

  async #inOwn<R>(work: (transaction: Transaction) => Promise<R>): Promise<R> {
    const store = this.#store()
    const { runtime, relayOf } = this.#parts
    const release = runtime.hold('writing to the outbox')
    try {
      const result = await store.transaction(async (tx) => {
        const transaction = new Transaction(store.within(tx), runtime)
        const said = await work(transaction)
        await transaction.end()
        return said
      })
      relayOf(store).wake()
      relayOf(store).scheduled()
      return result
    } finally {
      release()
    }
  }

  #store(): Store<unknown> {
    const { store } = this.#parts
    if (store === undefined) throw new TypeError('the bus has no store: createBus({ store })')
    return store
  }
}
