import { systemRuntime } from '../../runtime/system-runtime.ts'
import { OUTBOX_LANES, type NewOutboxRow, type Store } from '../../store/store.ts'
import { channel, message } from '../../transport/fixtures.test-support.ts'
import type { StoreOptions } from '../sql/store-settings.ts'

/** A database for these tests, with a table `note (text)` of the user's. */
export interface StoreStage<Tx> {
  /** A store of a process of its own: with connections of its own. Not open. */
  store(options?: StoreOptions): Store<Tx>
  /** As a user's code does. */
  write(tx: Tx, text: string): Promise<void>
  notes(): Promise<readonly string[]>
  /** Runs one statement that fails, as a user's code does. */
  fail(tx: Tx): Promise<void>
  /** Removes all rows of the store, and the user's. */
  clear(): Promise<void>
  /** Runs one statement by itself: on the tables of the store, with `{}` before each table's name. */
  run(text: string): Promise<void>
  close(): Promise<void>
}

export const ALL: readonly number[] = Array.from({ length: OUTBOX_LANES }, (_, lane) => lane)
export const orders = channel('events', 'orders')
export const runtime = systemRuntime()
export const row = (id: string, more: Parameters<typeof message>[1] = {}): NewOutboxRow => ({
  message: message(id, more),
  to: orders,
})

/** What the clauses are run on: two processes, which share a database. Made by the first hook. */
export class Stand<Tx> {
  #stage: StoreStage<Tx> | undefined
  #stores: readonly [Store<Tx>, Store<Tx>] | undefined

  async begin(stage: StoreStage<Tx>): Promise<void> {
    this.#stage = stage
    // At once on an empty database.
    this.#stores = await Promise.all([this.opened(), this.opened()])
  }

  async end(): Promise<void> {
    for (const store of this.#stores ?? []) await store.close()
    await this.#stage?.close()
  }

  get stage(): StoreStage<Tx> {
    if (this.#stage === undefined) throw new Error('it has not begun')
    return this.#stage
  }

  get store(): Store<Tx> {
    return this.#both[0]
  }

  get other(): Store<Tx> {
    return this.#both[1]
  }

  async opened(options?: StoreOptions): Promise<Store<Tx>> {
    const made = this.stage.store(options)
    await made.open(runtime, AbortSignal.timeout(60_000))
    return made
  }

  enqueue(...rows: readonly NewOutboxRow[]): Promise<void> {
    return this.store.transaction((tx) => this.store.within(tx).enqueue(rows))
  }

  async idsIn(lanes: readonly number[] = ALL, after = 0n, limit = 1_000): Promise<readonly string[]> {
    return (await this.store.outbox.fetch(lanes, after, limit)).map((each) => each.message.id)
  }

  get #both(): readonly [Store<Tx>, Store<Tx>] {
    if (this.#stores === undefined) throw new Error('it has not begun')
    return this.#stores
  }
}
