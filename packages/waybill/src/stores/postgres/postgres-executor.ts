import type { Runtime } from '../../runtime/runtime.ts'
import { CommitFailed, type Answer, type Executor, type Failure, type Statement } from '../sql/executor.ts'
import { CommitNews } from './commit-news.ts'
import { postgresFailure } from './postgres-failure.ts'
import type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from './postgres-pool.ts'

/** What ends by itself; within a transaction, the pool's own settings are the user's. */
const ANSWER_MS = 60_000

export type PostgresIsolation = 'read committed' | 'repeatable read' | 'serializable'

export interface PostgresExecutorOptions {
  /** Prepares statements by name. */
  readonly prepare: boolean
  readonly isolation: PostgresIsolation
  readonly schema: string
}

/** Clients of a pool of the driver `pg`. */
export class PostgresExecutor<Client> implements Executor<Client> {
  readonly #pool: PostgresPool<Client>
  readonly #options: PostgresExecutorOptions
  readonly #news: CommitNews

  constructor(pool: PostgresPool<Client>, options: PostgresExecutorOptions) {
    this.#pool = pool
    this.#options = options
    this.#news = new CommitNews(pool, options.schema, (statement) => this.once(statement))
  }

  async open(runtime: Runtime): Promise<void> {
    this.#news.open(runtime)
  }

  async close(): Promise<void> {
    await this.#news.close()
  }

  async run(tx: Client, statement: Statement): Promise<Answer> {
    return answerOf(await clientOf(tx).query(this.#query(statement)))
  }

  once(statement: Statement): Promise<Answer> {
    return this.#use(async (client, spoil) => {
      try {
        return answerOf(await client.query({ ...this.#query(statement), query_timeout: ANSWER_MS }))
      } catch (error) {
        if (postgresFailure(error) === 'lost') spoil(error)
        throw error
      }
    })
  }

  connection<R>(work: (tx: Client) => Promise<R>): Promise<R> {
    return this.#use((client) => work(client as Client))
  }

  transaction<R>(work: (tx: Client) => Promise<R>): Promise<R> {
    return this.#use(async (client, spoil) => {
      await control(client, `BEGIN ISOLATION LEVEL ${this.#options.isolation}`, spoil)
      let result: R
      try {
        result = await work(client as Client)
      } catch (error) {
        // Where that is not answered, the server rolls back what it finds unfinished.
        await control(client, 'ROLLBACK', spoil).catch(() => undefined)
        throw error
      }
      const { command } = await control(client, 'COMMIT', spoil).catch((cause: unknown) => {
        throw new CommitFailed(cause)
      })
      // The answer where a statement had failed and its error was hidden.
      if (command === 'ROLLBACK') throw new CommitFailed(failedBefore())
      return result
    })
  }

  failureOf(error: unknown): Failure {
    return postgresFailure(error)
  }

  get onCommit(): CommitNews['onCommit'] {
    return this.#news.onCommit
  }

  tell(when: 'now' | 'soon'): void {
    this.#news.tell(when)
  }

  /**
   * A client for one use, which is used no more when it is spoilt. What breaks it is the error of whatever is asked of it next, and
   * otherwise nobody's: the driver ends the process for an error that nobody listens to.
   */
  async #use<R>(use: (client: PostgresClient, spoil: (error: unknown) => void) => Promise<R>): Promise<R> {
    const client = await this.#connect()
    let isSpoilt = false
    const spoil = (): void => void (isSpoilt = true)
    client.on('error', spoil)
    try {
      return await use(client, spoil)
    } finally {
      // The pool listens from here on.
      client.release(isSpoilt)
      client.removeListener('error', spoil)
    }
  }

  async #connect(): Promise<PostgresClient> {
    return clientOf(await this.#pool.connect())
  }

  #query({ name, text, values }: Statement): PostgresQuery {
    const query = { text, values: [...values] }
    return this.#options.prepare && name !== undefined ? { ...query, name } : query
  }
}

/** What begins and ends a transaction: one that is not answered leaves a client that nobody knows the state of. */
async function control(client: PostgresClient, text: string, spoil: (error: unknown) => void): Promise<PostgresResult> {
  try {
    return await client.query({ text, values: [], query_timeout: ANSWER_MS })
  } catch (error) {
    spoil(error)
    throw error
  }
}

function failedBefore(): Error {
  const what = 'a statement of the transaction had failed, and its error was hidden: it was rolled back'
  return Object.assign(new Error(what), { code: '25P02', severity: 'ERROR' }) // in_failed_sql_transaction
}

function answerOf({ rows, rowCount }: PostgresResult): Answer {
  return { rows, changed: rowCount ?? 0 }
}

/** A client of the pool; whoever wrote a pool of his own was told by its type. */
function clientOf(tx: unknown): PostgresClient {
  return tx as PostgresClient
}
