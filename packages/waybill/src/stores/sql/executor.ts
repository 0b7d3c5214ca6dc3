import type { Runtime } from '../../runtime/runtime.ts'

/** One statement in the form of its database, made by a dialect. Without a semicolon at the end. */
export interface Statement {
  /** What it is for: of a text that is always the same, and may be prepared under this name. */
  readonly name?: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** A row by its columns, whose names are single words in lower case: whatever renames columns leaves those. */
export type Row = Readonly<Record<string, unknown>>

export interface Answer {
  readonly rows: readonly Row[]
  /** How many rows it has written or deleted. */
  readonly changed: number
}

/** What a failure of the database means for what was asked of it. */
export type Failure =
  /** The user of the database may not do it. */
  | 'denied'
  /** A table or schema is not there. */
  | 'missing'
  /** Others were in the way, and the transaction is over: again may do. */
  | 'conflict'
  /** It has said no: what was asked for is not done. */
  | 'refused'
  /** No answer: it may be done or not. */
  | 'lost'

/**
 * How statements reach one driver or query builder. It translates alone: what they are is the dialect's, when they are run the
 * store's. Errors of the driver come through as they are.
 */
export interface Executor<Tx> {
  /** Before anything else; may wait for a file or a server. */
  open(runtime: Runtime): Promise<void>
  close(): Promise<void>
  /** Within a transaction of anybody's. */
  run(tx: Tx, statement: Statement): Promise<Answer>
  /** In a transaction of its own. */
  once(statement: Statement): Promise<Answer>
  /**
   * Commits when `work` resolves. Rolls back when it rejects, and rejects with the same error. Never resolves where the
   * transaction was rolled back, not even when the database did that by itself and `work` has hidden it.
   *
   * @throws {CommitFailed} when `work` had resolved
   */
  transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R>
  /** The same connection for several statements, each of which commits by itself. */
  connection<R>(work: (tx: Tx) => Promise<R>): Promise<R>
  failureOf(error: unknown): Failure
  /** See `OutboxTable.onCommit`. */
  readonly onCommit?: ((listener: () => void) => Promise<() => Promise<void>>) | undefined
  /**
   * There is something new in the outbox for other processes: `now`, or `soon`, when a transaction ends whose end nobody tells
   * us. Not awaited; never for certain.
   */
  tell?(when: 'now' | 'soon'): void
}

/** The work of a transaction was done; the driver's error, at its commit, is the cause. */
export class CommitFailed extends Error {
  constructor(cause: unknown) {
    super('the transaction was not committed', { cause })
  }
}

/** @param check what the database refuses, as the last thing before COMMIT, where the transaction is over already */
export async function guarded(check: () => Promise<unknown>): Promise<void> {
  try {
    await check()
  } catch (cause) {
    throw new CommitFailed(cause)
  }
}
