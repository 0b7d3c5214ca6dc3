import {
  CommitFailed,
  guarded,
  type Answer,
  type Executor,
  type Failure,
  type Row,
  type Statement,
} from '../sql/executor.ts'
import { mysqlFailure } from './mysql-failure.ts'
import type { MysqlConnection, MysqlPool, MysqlQuery } from './mysql-pool.ts'
import { GUARD, ISOLATION } from './transaction-guard.ts'

/** What ends by itself; within a transaction, the pool's own settings are the user's. */
const ANSWER_MS = 60_000

/** Connections of a pool of the driver `mysql2`. */
export class MysqlExecutor<Connection> implements Executor<Connection> {
  readonly #pool: MysqlPool<Connection>

  constructor(pool: MysqlPool<Connection>) {
    this.#pool = pool
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  run(tx: Connection, statement: Statement): Promise<Answer> {
    return ask(connectionOf(tx), statement)
  }

  once(statement: Statement): Promise<Answer> {
    return this.#use(async (connection, spoil) => {
      try {
        return await ask(connection, statement, ANSWER_MS)
      } catch (error) {
        if (mysqlFailure(error) === 'lost') spoil()
        throw error
      }
    })
  }

  connection<R>(work: (tx: Connection) => Promise<R>): Promise<R> {
    return this.#use((connection) => work(connection as Connection))
  }

  transaction<R>(work: (tx: Connection) => Promise<R>): Promise<R> {
    return this.#use(async (connection, spoil) => {
      const control = async (text: string): Promise<void> => {
        try {
          await ask(connection, { text, values: [] }, ANSWER_MS)
        } catch (error) {
          // Nobody knows the state of a connection that has not answered.
          spoil()
          throw error
        }
      }
      await control(`SET TRANSACTION ISOLATION LEVEL ${ISOLATION}`)
      await control('START TRANSACTION')
      await control(GUARD.set)
      let result: R
      try {
        result = await work(connection as Connection)
        await guarded(() => ask(connection, { text: GUARD.check, values: [] }, ANSWER_MS))
      } catch (error) {
        // Where that is not answered, the server rolls back what it finds unfinished.
        await control('ROLLBACK').catch(() => undefined)
        throw error
      }
      await control('COMMIT').catch((cause: unknown) => {
        throw new CommitFailed(cause)
      })
      return result
    })
  }

  failureOf(error: unknown): Failure {
    return mysqlFailure(error)
  }

  /** A connection for one use, which is used no more when it is spoilt. */
  async #use<R>(use: (connection: MysqlConnection, spoil: () => void) => Promise<R>): Promise<R> {
    const connection = connectionOf(await this.#pool.getConnection())
    let isSpoilt = false
    try {
      return await use(connection, () => void (isSpoilt = true))
    } finally {
      if (isSpoilt) connection.destroy()
      else connection.release()
    }
  }
}

async function ask(connection: MysqlConnection, { text, values }: Statement, timeout?: number): Promise<Answer> {
  const query: MysqlQuery = {
    sql: text,
    values: [...values],
    rowsAsArray: false,
    nestTables: false,
    namedPlaceholders: false,
    typeCast: true,
  }
  const [answer] = await connection.query(timeout === undefined ? query : { ...query, timeout })
  return mysqlAnswer(answer)
}

/** Rows, or the header of a statement that has none. */
export function mysqlAnswer(answer: unknown): Answer {
  if (Array.isArray(answer)) return { rows: answer as readonly Row[], changed: answer.length }
  const { affectedRows = 0 } = (answer ?? {}) as { readonly affectedRows?: number }
  return { rows: [], changed: affectedRows }
}

/** A connection of the pool; whoever wrote a pool of his own was told by its type. */
function connectionOf(tx: unknown): MysqlConnection {
  return tx as MysqlConnection
}
