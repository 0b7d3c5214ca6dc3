import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { NewOutboxRow, OutboxTable, Store, StoreSession } from '../../store/store.ts'
import { boundedKey } from './bounded-key.ts'
import type { Dialect } from './dialect.ts'
import { CommitFailed, type Answer, type Executor, type Statement } from './executor.ts'
import { receive } from './inbox.ts'
import { claimLanes } from './lanes.ts'
import { migrate } from './migrate.ts'
import { Operations, type InOne } from './operations.ts'
import { Outbox, type Once } from './outbox.ts'
import { RowCodec, type RowToSend, type RowToWait } from './outbox-row.ts'
import { moveDue } from './schedule.ts'
import { nextSequence, observeSequence } from './sequences.ts'
import { commitError, storeError } from './store-errors.ts'
import type { StoreSettings } from './store-settings.ts'

/** Each ends when somebody else has got on. */
const MOST_TRIES = 5

/** The store over any SQL database: which statements there are is the dialect's, how they get there the executor's. */
export class SqlStore<Tx> implements Store<Tx> {
  readonly name: string
  readonly inboxRetentionMs: number
  readonly outbox: OutboxTable
  readonly #executor: Executor<Tx>
  readonly #dialect: Dialect
  readonly #settings: StoreSettings
  readonly #codec = new RowCodec()
  #runtime: Runtime | undefined
  /** Several buses of a process may share one store. */
  #users = 0
  #opening: Promise<void> | undefined
  /** Of what was opened before. */
  #ended: Promise<void> = Promise.resolve()
  /** Transactions that were begun here, and whether they have written something that leaves at once. */
  readonly #begun = new Map<Tx, { hasNews: boolean }>()

  constructor(name: string, executor: Executor<Tx>, dialect: Dialect, settings: StoreSettings) {
    this.name = name
    this.inboxRetentionMs = settings.inboxRetentionMs
    this.#executor = executor
    this.#dialect = dialect
    this.#settings = settings
    this.outbox = this.#outboxTable()
  }

  async open(runtime: Runtime, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#opening ??= this.#ended.then(() => this.#open(runtime))
    const opening = this.#opening
    try {
      await unlessAborted(opening, signal)
      this.#users++
    } catch (error) {
      if (this.#opening === opening && this.#users === 0) this.#abandon(opening)
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.#users === 0 || --this.#users > 0) return
    this.#opening = undefined
    this.#runtime = undefined
    const closing = this.#executor.close()
    this.#ended = closing.catch(() => undefined) // whoever closes it is told
    await closing
  }

  async transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R> {
    this.#running()
    let workError: { readonly error: unknown } | undefined
    const begun = { hasNews: false }
    try {
      const result = await this.#executor.transaction(async (tx) => {
        this.#begun.set(tx, begun)
        try {
          return await work(tx)
        } catch (error) {
          workError = { error }
          throw error
        } finally {
          this.#begun.delete(tx)
        }
      })
      if (begun.hasNews) this.#executor.tell?.('now')
      return result
    } catch (error) {
      if (workError !== undefined) throw workError.error
      throw this.#failed('beginning a transaction', error)
    }
  }

  within(tx: Tx): StoreSession {
    const { inbox, sequences } = this.#dialect
    const runtime = this.#running()
    const executor = this.#executor
    const asked = <T>(what: string, asking: Promise<T>): Promise<T> =>
      asking.catch((error: unknown) => {
        throw this.#failed(what, error)
      })
    return {
      receive: (group, keys) =>
        asked('noting what is handled', receive(executor, inbox, tx, group, keys, runtime.newId())),
      enqueue: (rows) => asked('writing to the outbox', this.#enqueue(tx, rows)),
      cancel: (ids) => asked('taking back what is scheduled', this.#cancel(tx, ids)),
      nextSequence: (counter, count) =>
        asked('counting a sequence', nextSequence(executor, sequences, tx, counter, count)),
      observeSequence: (counter, sequence) =>
        asked('noting a sequence', observeSequence(executor, sequences, tx, counter, sequence)),
    }
  }

  async forgetReceived(limit: number): Promise<number> {
    if (limit < 1) return 0
    const statement = this.#dialect.inbox.forget(this.inboxRetentionMs, limit)
    return (await this.#once('emptying the inbox', statement)).changed
  }

  async #open(runtime: Runtime): Promise<void> {
    try {
      await this.#executor.open(runtime)
      await migrate(this.#executor, this.#dialect.schema, this.#settings.migrate)
      this.#runtime = runtime
    } catch (error) {
      await this.#executor.close()
      throw this.#failed('opening', error)
    }
  }

  /** Nobody waits for it any more, or it has failed: what it opens later is closed, before anything is opened again. */
  #abandon(opening: Promise<void>): void {
    this.#opening = undefined
    this.#ended = opening.then(
      () => {
        this.#runtime = undefined
        return this.#executor.close()
      },
      () => undefined, // it has closed itself
    )
  }

  async #enqueue(tx: Tx, rows: readonly NewOutboxRow[]): Promise<void> {
    const toSend: RowToSend[] = []
    const toWait: RowToWait[] = []
    for (const row of rows) {
      const stored = this.#codec.encode(row)
      const { dueAt, scheduleId: id = null, everyMs: every = null } = row
      if (dueAt === undefined) toSend.push(stored)
      else
        toWait.push({
          ...stored,
          due: Math.ceil(dueAt),
          id: id === null ? null : boundedKey(id),
          every: every === null ? null : Math.ceil(every),
        })
    }
    const { outbox, schedule } = this.#dialect
    if (toSend.length > 0) {
      for (const statement of outbox.insert(toSend)) await this.#executor.run(tx, statement)
      const begun = this.#begun.get(tx)
      if (begun === undefined) this.#executor.tell?.('soon')
      else begun.hasNews = true
    }
    if (toWait.length > 0) for (const statement of schedule.insert(toWait)) await this.#executor.run(tx, statement)
  }

  async #cancel(tx: Tx, ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0
    return (await this.#executor.run(tx, this.#dialect.schedule.cancel(ids.map(boundedKey)))).changed
  }

  #outboxTable(): OutboxTable {
    const { lanes, schedule, outbox: sql } = this.#dialect
    const once: Once = (what, statement) => this.#once(what, statement)
    const outbox = new Outbox(sql, once, this.#codec)
    const inOne: InOne = (what, use) => this.#inOne(what, use)
    return {
      fetch: (of, after, limit) => outbox.fetch(of, after, limit),
      remove: (positions) => outbox.remove(positions),
      noteRefusal: (position, error) => outbox.noteRefusal(position, error),
      park: (position, error) => outbox.park(position, error),
      parked: (limit) => outbox.parked(limit),
      inspect: () => outbox.inspect(),
      unpark: (positions) =>
        positions.length === 0
          ? Promise.resolve(0)
          : inOne('taking up what was put aside', async (run) => {
              const written: Answer[] = []
              for (const statement of sql.unpark(positions)) written.push(await run(statement))
              return written[0]?.changed ?? 0
            }),
      operations: new Operations(this.#dialect, once, inOne, this.#codec),
      claimLanes: (owner, most, leaseMs) =>
        inOne('claiming lanes', (run) => claimLanes(lanes, run, owner, most, Math.ceil(leaseMs))),
      countOwners: async () => {
        const { rows } = await this.#once('counting relays', lanes.countOwners())
        return Number(rows[0]?.['count'] ?? 0)
      },
      releaseLanes: (owner) =>
        inOne('giving lanes back', async (run) => {
          await run(lanes.release(owner))
          await run(lanes.forget(owner))
        }),
      moveDue: async (limit) => {
        const done = await inOne('moving what is due', (run) => moveDue(schedule, sql, run, Math.max(1, limit)))
        // The lanes may be another relay's.
        if (done.moved > 0) this.#executor.tell?.('now')
        return done
      },
      onCommit: this.#executor.onCommit,
    }
  }

  async #once(what: string, statement: Statement): Promise<Answer> {
    return this.#again(what, () => this.#executor.once(statement))
  }

  async #inOne<R>(what: string, use: (run: (statement: Statement) => Promise<Answer>) => Promise<R>): Promise<R> {
    return this.#again(what, () =>
      this.#executor.transaction((tx) => use((statement) => this.#executor.run(tx, statement))),
    )
  }

  /** What the store does by itself may be done again when others were in the way. */
  async #again<R>(what: string, work: () => Promise<R>): Promise<R> {
    for (let tries = 1; ; tries++) {
      this.#running()
      try {
        return await work()
      } catch (error) {
        if (tries === MOST_TRIES || this.#executor.failureOf(error) !== 'conflict') throw this.#failed(what, error)
      }
    }
  }

  #failed(what: string, error: unknown): unknown {
    if (error instanceof CommitFailed) return commitError(this.name, this.#executor.failureOf(error.cause), error)
    return storeError(this.name, what, this.#executor.failureOf(error), error)
  }

  #running(): Runtime {
    if (this.#runtime === undefined)
      throw new WaybillError('WAYBILL_CLOSED', `the ${this.name} store is not open`, {
        cure: 'Use it through the bus that it was given to, between its start and its end; or call open() first.',
      })
    return this.#runtime
  }
}

/** Rejects with the reason of the signal, whatever becomes of `work`. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(asError(signal.reason))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}
