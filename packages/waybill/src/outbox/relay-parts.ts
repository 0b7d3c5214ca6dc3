import type { OutboxRow, Store } from '../store/store.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { RowAnswer } from './row-answer.ts'

export interface RelayParts {
  readonly store: Store<unknown>
  readonly runtime: Runtime
  /** Gives a row to the broker; resolves with what became of it, never rejects. */
  readonly send: (row: OutboxRow) => Promise<RowAnswer>
  readonly observer: RelayObserver
  /** How often to look where nobody tells of commits. */
  readonly pollMs: number
  /** After which the lanes of a relay that died are free for others. */
  readonly leaseMs: number
  /** Rows of one look. */
  readonly batch: number
  /** Refusals after which a row is parked. */
  readonly attempts: number
}

/** Whom a relay tells what happens. None of these may throw. */
export interface RelayObserver {
  /** The database did not answer; told once until it does again. */
  storeFailed(error: unknown): void
  storeAnswers(): void
  /** The broker refused a row; it is tried again. */
  refused(row: OutboxRow, error: Error): void
  /** It was refused too often: nobody sends it again before somebody unparks it. */
  parked(row: OutboxRow, error: Error): void
}
