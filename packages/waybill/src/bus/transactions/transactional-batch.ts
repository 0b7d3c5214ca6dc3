// A batch in one transaction: one look into the inbox, what the handler writes, what it sends. All of it commits, or none.
import { inboxKey, inboxOf } from '../../inbox/inbox-key.ts'
import type { StoreSession } from '../../store/store.ts'
import type { AroundBatch, BatchFailures, CallBatch } from '../batches/batch-runs.ts'
import type { Registration } from '../service/registration.ts'
import { dropped, standing, type TransactionalParts } from './transactional-handler.ts'
import { Transaction } from './transaction.ts'
import type { TransactionalHandlerContext } from './transactional-handler-context.ts'

/** Some have failed: nothing commits. */
class Undone {
  readonly failures: BatchFailures

  constructor(failures: BatchFailures) {
    this.failures = failures
  }
}

/**
 * Around the handler of a batch. Where some messages fail, nothing of the batch is kept, and the others are handled without
 * them; each further round has fewer, so there are at most as many rounds as messages.
 */
export function transactionalBatch(registration: Registration, parts: TransactionalParts): AroundBatch {
  return async (contexts, call) => {
    const failures = new Map<TransactionalHandlerContext, unknown>()
    let left = contexts as readonly TransactionalHandlerContext[] // made by the subscription of a service with a store
    while (left.length > 0) {
      const failed = await round(left, call, registration, parts)
      for (const [context, error] of failed) failures.set(context as TransactionalHandlerContext, error) // as above
      if (failed.size === 0) break
      left = left.filter((context) => !failed.has(context))
    }
    return failures
  }
}

/** One transaction; answers what failed. When anything did, nothing was committed. */
async function round(
  contexts: readonly TransactionalHandlerContext[],
  call: CallBatch,
  registration: Registration,
  parts: TransactionalParts,
): Promise<BatchFailures> {
  const { store, runtime, relay } = parts
  let written: Pick<Transaction, 'rows' | 'waits'> = { rows: 0, waits: false }
  let sorted: Sorted | undefined
  let undone: Undone | undefined
  const work = async (tx: unknown): Promise<void> => {
    const session = store.within(tx)
    sorted = await sortOut(session, contexts, registration, parts)
    if (sorted.fresh.length === 0) return
    const transaction = new Transaction(session, runtime)
    try {
      await begin(tx, transaction, sorted.fresh, registration, parts)
      const failures = await call(sorted.fresh, tx)
      if (failures.size > 0) throw new Undone(failures)
      await transaction.end()
      written = transaction
    } catch (error) {
      if (error instanceof Undone) undone = error
      await transaction.abandon()
      throw error
    }
  }
  try {
    await store.transaction(work)
  } catch (error) {
    if (undone !== undefined) return withTwins(undone.failures, sorted)
    return new Map(contexts.map((context) => [context, error]))
  }
  if (written.rows > 0) relay.wake()
  if (written.waits) relay.scheduled()
  for (const context of sorted?.before ?? []) dropped(context, parts)
  return new Map()
}

/** @throws {Undone} where messages must not be handled before others that are missing */
async function begin(
  tx: unknown,
  transaction: Transaction,
  contexts: readonly TransactionalHandlerContext[],
  registration: Registration,
  parts: TransactionalParts,
): Promise<void> {
  const failures = new Map<TransactionalHandlerContext, unknown>()
  for (const context of contexts) {
    try {
      const sequence = await standing(transaction, context, registration, parts)
      context.begin({ tx, sender: parts.senderFor(context, transaction), sequence })
    } catch (error) {
      failures.set(context, error)
    }
  }
  if (failures.size > 0) throw new Undone(failures)
}

interface Sorted {
  /** To be handled: the first of each that are the same. */
  readonly fresh: readonly TransactionalHandlerContext[]
  /** Handled in an earlier transaction, or by their like in this one. */
  readonly before: readonly TransactionalHandlerContext[]
  /** Those in this batch that are the same as one of `fresh`. */
  readonly twins: ReadonlyMap<TransactionalHandlerContext, readonly TransactionalHandlerContext[]>
}

async function sortOut(
  session: StoreSession,
  contexts: readonly TransactionalHandlerContext[],
  { options: { idempotentBy } }: Registration,
  { transient, channel, group }: TransactionalParts,
): Promise<Sorted> {
  const keyOf = ({ message, body }: TransactionalHandlerContext): string | undefined =>
    transient ? undefined : inboxKey(message, body, idempotentBy)
  const byKey = Map.groupBy(contexts, (context) => keyOf(context) ?? context)
  // In one order in all transactions, so that two that note the same wait for each other and not in a circle.
  const keys = [...byKey.keys()].filter((key) => typeof key === 'string').toSorted()
  const known = keys.length === 0 ? new Set<string>() : await session.receive(inboxOf(channel, group), keys)
  const fresh: TransactionalHandlerContext[] = []
  const before: TransactionalHandlerContext[] = []
  const twins = new Map<TransactionalHandlerContext, readonly TransactionalHandlerContext[]>()
  for (const [key, [first, ...others]] of byKey) {
    if (first === undefined) continue
    if (typeof key === 'string' && known.has(key)) before.push(first, ...others)
    else {
      fresh.push(first)
      before.push(...others)
      if (others.length > 0) twins.set(first, others)
    }
  }
  return { fresh, before, twins }
}

/** What is the same as a message that failed has not been handled either. */
function withTwins(failures: BatchFailures, sorted: Sorted | undefined): BatchFailures {
  const all = new Map(failures)
  for (const [first, others] of sorted?.twins ?? [])
    if (failures.has(first)) for (const other of others) all.set(other, failures.get(first))
  return all
}
