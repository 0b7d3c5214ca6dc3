// SQLite in this process, on one connection: transactions come one after the other, each in BEGIN IMMEDIATE, so that it is known
// at its beginning whether another process writes. That is waited for without blocking the event loop.
import type { DatabaseSync, StatementSync, SQLInputValue } from 'node:sqlite'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import { CommitFailed, type Answer, type Executor, type Failure, type Row, type Statement } from '../sql/executor.ts'
import { TransactionQueue } from './transaction-queue.ts'

/** Result codes. @see https://www.sqlite.org/rescode.html */
const BUSY = 5
const READONLY = 8
const CANTOPEN = 14
const AUTH = 23
const MOST_PREPARED = 200
const BETWEEN_LOOKS = { firstMs: 2, longestMs: 20 } as const

export interface SqliteExecutorOptions {
  /** A file that is opened here, or a connection that is somebody else's. */
  readonly database: string | DatabaseSync
  /** How long a transaction waits for those before it, and for other processes. */
  readonly patienceMs: number
}

export class SqliteExecutor implements Executor<DatabaseSync> {
  readonly #options: SqliteExecutorOptions
  readonly #prepared = new Map<string, StatementSync>()
  #database: DatabaseSync | undefined
  #queue: TransactionQueue | undefined
  #runtime: Runtime | undefined

  constructor(options: SqliteExecutorOptions) {
    this.#options = options
  }

  async open(runtime: Runtime): Promise<void> {
    const { database, patienceMs } = this.#options
    this.#runtime = runtime
    this.#queue = new TransactionQueue(runtime, patienceMs)
    this.#database = typeof database === 'string' ? await this.#openFile(database) : database
    this.#database.function('waybill_now', () => Math.floor(runtime.now()))
  }

  async close(): Promise<void> {
    const database = this.#database
    if (database === undefined) return
    const release = await this.#queue?.acquire()
    this.#database = undefined
    this.#prepared.clear()
    if (typeof this.#options.database === 'string') database.close()
    release?.()
  }

  run(database: DatabaseSync, statement: Statement): Promise<Answer> {
    try {
      return Promise.resolve(this.#run(database, statement))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async once(statement: Statement): Promise<Answer> {
    // Reading, too, waits for the transaction before: on one connection, what that has written would be seen.
    const release = await this.#open().queue.acquire()
    try {
      const { database } = this.#open()
      return await this.#whenFree(() => this.#run(database, statement))
    } finally {
      release()
    }
  }

  connection<R>(work: (database: DatabaseSync) => Promise<R>): Promise<R> {
    return this.transaction(work)
  }

  async transaction<R>(work: (database: DatabaseSync) => Promise<R>): Promise<R> {
    const release = await this.#open().queue.acquire()
    try {
      // Closed while it waited.
      const { database } = this.#open()
      await this.#begin(database)
      try {
        const result = await work(database)
        await this.#commit(database)
        return result
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    } finally {
      release()
    }
  }

  failureOf(error: unknown): Failure {
    const code = resultCode(error)
    if (code === READONLY || code === AUTH) return 'denied'
    return error instanceof Error && /no such table/.test(error.message) ? 'missing' : 'refused'
  }

  async #openFile(path: string): Promise<DatabaseSync> {
    // Loaded here, so that who stores nothing in it does not pay for it.
    const sqlite = await import('node:sqlite')
    try {
      const database = new sqlite.DatabaseSync(path)
      try {
        // WAL: readers do not hold writers back. FULL: what is committed survives a power loss.
        await this.#whenFree(() => database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL'))
      } catch (error) {
        database.close()
        throw error
      }
      return database
    } catch (cause) {
      if (resultCode(cause) !== CANTOPEN) throw cause
      throw new WaybillError('WAYBILL_STORE_UNWRITABLE', `SQLite cannot open ${path}`, { cause })
    }
  }

  async #begin(database: DatabaseSync): Promise<void> {
    await this.#whenFree(() => database.exec('BEGIN IMMEDIATE'))
  }

  async #commit(database: DatabaseSync): Promise<void> {
    // A full disk, for instance, ends a transaction by itself; whoever hid that error must not be told that it was committed.
    if (!database.isTransaction) throw new CommitFailed(new Error('SQLite has rolled it back'))
    try {
      // Without WAL, a commit waits for those who read.
      await this.#whenFree(() => database.exec('COMMIT'))
    } catch (cause) {
      throw new CommitFailed(cause)
    }
  }

  /** Tries until no other process is in the way. SQLite's own waiting would block the event loop. */
  async #whenFree<T>(use: () => T): Promise<T> {
    const runtime = this.#runtime as Runtime // open() has set it
    const until = runtime.monotonic() + this.#options.patienceMs
    for (let tries = 0; ; tries++) {
      try {
        return use()
      } catch (error) {
        if (resultCode(error) !== BUSY || runtime.monotonic() >= until) throw error
      }
      await new Promise<void>((resolve) => void runtime.setTimer(backOffMs(tries, runtime, BETWEEN_LOOKS), resolve))
    }
  }

  #run(database: DatabaseSync, { text, values }: Statement): Answer {
    const statement = this.#prepare(database, text)
    const given = values as readonly SQLInputValue[]
    if (statement.columns().length > 0) {
      const rows = statement.all(...given) as readonly Row[]
      return { rows, changed: rows.length }
    }
    return { rows: [], changed: Number(statement.run(...given).changes) }
  }

  /** There are as many texts as the dialect has, and some for each set of lanes. */
  #prepare(database: DatabaseSync, text: string): StatementSync {
    let statement = this.#prepared.get(text)
    if (statement === undefined) {
      if (this.#prepared.size >= MOST_PREPARED) this.#prepared.clear()
      statement = database.prepare(text)
      this.#prepared.set(text, statement)
    }
    return statement
  }

  #open(): { readonly database: DatabaseSync; readonly queue: TransactionQueue } {
    if (this.#database === undefined || this.#queue === undefined)
      throw new WaybillError('WAYBILL_CLOSED', 'the sqlite store has been closed')
    return { database: this.#database, queue: this.#queue }
  }
}

/** The primary one. */
function resultCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined
}
