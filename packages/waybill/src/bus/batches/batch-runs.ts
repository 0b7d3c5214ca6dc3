// A batch is handled as its messages are, each by itself: read, checked, wrapped in middleware, timed, settled. Only the
// innermost call is one for all of them: it is made when every message has come so far, or has ended before.
import type { Delivery } from '../../transport/transport.ts'
import type { Handle } from '../../middleware/handler.ts'
import type { Batch, BatchContext, BatchItem } from '../service/batch.ts'
import { DeadLetterRequest } from '../service/context.ts'
import type { HandlerContext } from '../handling/handler-context.ts'

/** The user's handler. */
export type HandleBatch = (batch: Batch<unknown>, context: BatchContext) => unknown

/** What failed, and with what. */
export type BatchFailures = ReadonlyMap<HandlerContext, unknown>

/** Calls the user's handler with a batch of these; never rejects. `tx`: the transaction of the whole batch. */
export type CallBatch = (contexts: readonly HandlerContext[], tx?: unknown) => Promise<BatchFailures>

/** Around the call of a batch handler: of a service with a store, its transaction. */
export type AroundBatch = (contexts: readonly HandlerContext[], call: CallBatch) => Promise<BatchFailures>

/** How a handler of batches is called. */
export interface BatchHandling {
  readonly handle: HandleBatch
  readonly around?: AroundBatch | undefined
}

/** The batches of one subscription that are being handled. */
export class BatchRuns {
  readonly #ofDelivery = new WeakMap<Delivery, BatchRun>()
  readonly #ofContext = new WeakMap<object, { readonly run: BatchRun; readonly delivery: Delivery }>()

  /** These deliveries are one batch; the function returned is to be told as each of them ends. */
  begin(deliveries: readonly Delivery[]): (ended: Delivery) => void {
    const run = new BatchRun(deliveries)
    for (const delivery of deliveries) this.#ofDelivery.set(delivery, run)
    return (ended) => run.left(ended)
  }

  /** Handling `delivery` has this context. */
  bind(context: object, delivery: Delivery): void {
    const run = this.#ofDelivery.get(delivery)
    if (run !== undefined) this.#ofContext.set(context, { run, delivery })
  }

  /** The innermost call of a message's handling. */
  joining(batch: BatchHandling): Handle {
    return (handling) => {
      const joined = this.#ofContext.get(handling)
      if (joined === undefined) throw new Error('a message of a batch was handled outside of any')
      return joined.run.join(joined.delivery, handling as HandlerContext, batch) // made by the subscription
    }
  }
}

interface Joined {
  readonly context: HandlerContext
  readonly batch: BatchHandling
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

class BatchRun {
  /** Of which nothing is known yet. */
  readonly #expected: Set<Delivery>
  readonly #order: readonly Delivery[]
  readonly #joined = new Map<Delivery, Joined>()

  constructor(deliveries: readonly Delivery[]) {
    this.#order = deliveries
    this.#expected = new Set(deliveries)
  }

  join(delivery: Delivery, context: HandlerContext, batch: BatchHandling): Promise<void> {
    if (!this.#expected.has(delivery))
      throw new Error(`a middleware called the handler of ${context.type} (id ${context.id}) twice`)
    return new Promise((resolve, reject) => {
      this.#joined.set(delivery, { context, batch, resolve, reject })
      this.left(delivery)
    })
  }

  /** Nothing more is waited for: it has joined, or it has ended without. */
  left(delivery: Delivery): void {
    if (this.#expected.delete(delivery) && this.#expected.size === 0 && this.#joined.size > 0) void this.#handle()
  }

  async #handle(): Promise<void> {
    const joined = this.#order.map((delivery) => this.#joined.get(delivery)).filter((each) => each !== undefined)
    const [first] = joined
    if (first === undefined) return
    const { handle, around } = first.batch
    const call: CallBatch = (contexts, tx) => callBatch(handle, contexts, tx)
    const contexts = joined.map(({ context }) => context)
    let failures: BatchFailures
    try {
      failures = around === undefined ? await call(contexts) : await around(contexts, call)
    } catch (error) {
      failures = new Map(contexts.map((context) => [context, error]))
    }
    for (const { context, resolve, reject } of joined)
      if (failures.has(context)) reject(failures.get(context))
      else resolve()
  }
}

async function callBatch(
  handle: HandleBatch,
  contexts: readonly HandlerContext[],
  tx: unknown,
): Promise<BatchFailures> {
  const batch = new RunningBatch(contexts)
  const failuresOf = (others?: { readonly error: unknown }): BatchFailures =>
    new Map(
      contexts
        .filter((context) => others !== undefined || batch.failures.has(context))
        .map((context) => [context, batch.failures.has(context) ? batch.failures.get(context) : others?.error]),
    )
  try {
    // All of them began together, with the same time-out.
    await handle(batch, new RunningBatchContext(contexts[0] as HandlerContext, tx)) // a batch is never empty
    return failuresOf()
  } catch (error) {
    return failuresOf({ error })
  }
}

class RunningBatchContext implements BatchContext {
  readonly #first: HandlerContext
  readonly tx: unknown

  constructor(first: HandlerContext, tx: unknown) {
    this.#first = first
    this.tx = tx
  }

  get signal(): AbortSignal {
    return this.#first.signal
  }
}

class RunningBatch implements Batch<unknown> {
  readonly items: readonly BatchItem<unknown>[]
  readonly failures = new Map<BatchItem<unknown>, unknown>()
  readonly #known: ReadonlySet<BatchItem<unknown>>

  constructor(items: readonly BatchItem<unknown>[]) {
    this.items = items
    this.#known = new Set(items)
  }

  get size(): number {
    return this.items.length
  }

  [Symbol.iterator](): Iterator<BatchItem<unknown>> {
    return this.items[Symbol.iterator]()
  }

  fail(item: BatchItem<unknown>, error: unknown): void {
    if (!this.#known.has(item)) throw new TypeError('fail() takes a message of this batch')
    this.failures.set(item, error)
  }

  deadLetter(item: BatchItem<unknown>, reason: string): void {
    this.fail(item, new DeadLetterRequest(reason))
  }
}
