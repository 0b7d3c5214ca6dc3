import type { Client } from 'pg'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Statement } from './sql/statement.ts'

type Run = <Row extends object>(statement: Statement, values: readonly unknown[]) => Promise<readonly Row[]>

/** One connection to the server: statements one after the other, prepared by name unless a pooler forbids it. */
export class Connection {
  readonly client: Client
  readonly #runtime: Runtime
  #isPrepared = true
  #askedAt: number | undefined
  /** Ends, without an error, when what was begun before has ended. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(client: Client, runtime: Runtime) {
    this.client = client
    this.#runtime = runtime
  }

  /** A pooler hands each statement to another server process, which has not prepared it. */
  unprepare(): void {
    this.#isPrepared = false
  }

  /** How long the server has owed an answer. */
  get silentMs(): number {
    return this.#askedAt === undefined ? 0 : this.#runtime.monotonic() - this.#askedAt
  }

  /** @typeParam Row as the statement's columns are named; bigints are text */
  run<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<readonly Row[]> {
    return this.#inTurn(() => this.#run<Row>(statement, values))
  }

  /** Several statements in one transaction, by the function that `use` is given; rolled back when `use` rejects. */
  transaction<T>(use: (run: Run) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#run({ text: 'BEGIN' }, [])
      try {
        const result = await use((statement, values) => this.#run(statement, values))
        await this.#run({ text: 'COMMIT' }, [])
        return result
      } catch (error) {
        await this.#run({ text: 'ROLLBACK' }, []).catch(() => undefined) // the link may be what failed
        throw error
      }
    })
  }

  #inTurn<T>(use: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(use)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #run<Row extends object>({ name, text }: Statement, values: readonly unknown[]): Promise<readonly Row[]> {
    this.#askedAt = this.#runtime.monotonic()
    try {
      const prepared = this.#isPrepared && name !== undefined ? { name } : {}
      return (await this.client.query<Row>({ text, values: [...values], ...prepared })).rows
    } finally {
      this.#askedAt = undefined
    }
  }
}
