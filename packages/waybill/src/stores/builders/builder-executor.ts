import type { Runtime } from '../../runtime/runtime.ts'
import { CommitFailed, guarded, type Answer, type Executor, type Failure, type Statement } from '../sql/executor.ts'
import type { CommitNews } from '../postgres/commit-news.ts'

/** A query builder that is asked for raw statements. @typeParam Tx its transaction */
export interface Builder<Tx> {
  run(tx: Tx, statement: Statement): Promise<Answer>
  once(statement: Statement): Promise<Answer>
  transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R>
  /** On one connection, in a transaction or in none. */
  connection<R>(work: (tx: Tx) => Promise<R>): Promise<R>
}

/** How the database tells that a transaction was rolled back, although its error was hidden: builders commit without looking. */
export interface Guard {
  /** First in the transaction, where it takes something. */
  readonly set?: string
  /** Last in it; fails where it is over. */
  readonly check: string
}

/** A query builder, which begins and ends transactions itself. */
export class BuilderExecutor<Tx> implements Executor<Tx> {
  readonly #builder: Builder<Tx>
  readonly #guard: Guard
  readonly #failureOf: (error: unknown) => Failure
  readonly #news: CommitNews | undefined

  constructor(builder: Builder<Tx>, guard: Guard, failureOf: (error: unknown) => Failure, news?: CommitNews) {
    this.#builder = builder
    this.#guard = guard
    this.#failureOf = failureOf
    this.#news = news
  }

  async open(runtime: Runtime): Promise<void> {
    this.#news?.open(runtime)
  }

  async close(): Promise<void> {
    await this.#news?.close()
  }

  run(tx: Tx, statement: Statement): Promise<Answer> {
    return this.#builder.run(tx, statement)
  }

  once(statement: Statement): Promise<Answer> {
    return this.#builder.once(statement)
  }

  connection<R>(work: (tx: Tx) => Promise<R>): Promise<R> {
    return this.#builder.connection(work)
  }

  async transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R> {
    const { set, check } = this.#guard
    let isDone = false
    try {
      return await this.#builder.transaction(async (tx) => {
        if (set !== undefined) await this.#builder.run(tx, { text: set, values: [] })
        const result = await work(tx)
        await guarded(() => this.#builder.run(tx, { text: check, values: [] }))
        isDone = true
        return result
      })
    } catch (error) {
      throw isDone ? new CommitFailed(error) : error
    }
  }

  failureOf(error: unknown): Failure {
    return this.#failureOf(error)
  }

  get onCommit(): CommitNews['onCommit'] | undefined {
    return this.#news?.onCommit
  }

  tell(when: 'now' | 'soon'): void {
    this.#news?.tell(when)
  }
}
