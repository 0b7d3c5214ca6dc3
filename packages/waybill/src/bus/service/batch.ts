import type { Context } from './context.ts'

/** One message of a batch, and the verbs that carry its correlation and trace on. */
export interface BatchItem<Body> extends Omit<Context, 'signal' | 'deadLetter'> {
  /** Decoded and validated. */
  readonly body: Body
}

/**
 * Messages that are handled together. A handler that returns acknowledges those that it has not named; one that throws
 * fails all of them. Each goes by its own retries from then on, and comes again in some other batch.
 */
export interface Batch<Body> extends Iterable<BatchItem<Body>> {
  /** In the order in which they came. On an ordered subscription each has a key of its own. */
  readonly items: readonly BatchItem<Body>[]
  readonly size: number
  /** This message failed, whatever the others did. @throws {TypeError} when it is none of the batch */
  fail(item: BatchItem<Body>, error: unknown): void
  /** Puts this message aside with this reason. @throws {TypeError} when it is none of the batch */
  deadLetter(item: BatchItem<Body>, reason: string): void
}

/** What the handler of a batch knows beside its messages. */
export interface BatchContext {
  /** Aborts when the handler has timed out, or the bus stops waiting for it. Pass it to what you await. */
  readonly signal: AbortSignal
}

/**
 * The same in a service with a store: the batch is one transaction, and one look into the inbox. Messages that were handled
 * before are not in it. It commits when the handler has returned and no message has failed; when one has, nothing of it is
 * kept, and the handler is called once more with the others, in a transaction of their own.
 */
export interface TransactionalBatchContext<Tx> extends BatchContext {
  readonly tx: Tx
}
