// A handler in one transaction: inbox, what the handler writes, what it sends, its reply. All of it commits, or none.
import type { EncodedReply } from '../../contract/reply.ts'
import { inboxKey, inboxOf } from '../../inbox/inbox-key.ts'
import { observe, type SequenceStanding } from '../../inbox/sequence.ts'
import { WaybillError } from '../../message/errors.ts'
import { replyTo } from '../../message/build-message.ts'
import type { Handle, Middleware } from '../../middleware/handler.ts'
import type { Relay } from '../../outbox/relay.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Store, StoreSession } from '../../store/store.ts'
import type { Channel } from '../../transport/channel.ts'
import { duplicateDropped, sequenceGap } from '../observation/diagnostics.ts'
import type { Logger } from '../observation/logger.ts'
import { replyOf } from '../handling/reply-of.ts'
import type { TransactionalHandlerContext } from './transactional-handler-context.ts'
import { Transaction } from './transaction.ts'
import type { TransactionSender } from '../sending/transaction-sender.ts'
import type { Registration } from '../service/registration.ts'

export interface TransactionalParts {
  readonly store: Store<unknown>
  readonly runtime: Runtime
  readonly logger: Logger
  readonly relay: Pick<Relay, 'wake' | 'scheduled'>
  /** What `context`'s service says within this transaction. */
  readonly senderFor: (context: TransactionalHandlerContext, transaction: Transaction) => TransactionSender
  readonly service: string
  readonly group: string
  readonly channel: Channel
  /** Each instance has a copy of its own: there is nothing to remember for all. */
  readonly transient: boolean
  /** A message that was handled before, and is not handled again. */
  readonly onDuplicate: () => void
}

/** The handler has failed, and a middleware has made a result of it: nothing is committed, and the message is handled. */
class RolledBack {
  readonly result: unknown

  constructor(result: unknown) {
    this.result = result
  }
}

const DUPLICATE = Symbol('duplicate')

/** Around the middleware of a handler. A transaction whose commit failed, or whose end is not known, is a failed try. */
export function transactional(registration: Registration, parts: TransactionalParts): Middleware {
  return (next) => async (handling) => {
    const context = handling as TransactionalHandlerContext // made by the subscription of a service with a store
    let written: Written = { rows: 0, waits: false }
    let thrown: { readonly error: unknown } | undefined
    const work = async (tx: unknown): Promise<unknown> => {
      try {
        const session = parts.store.within(tx)
        if (await isDuplicate(session, context, registration, parts)) return DUPLICATE
        const transaction = new Transaction(session, parts.runtime)
        const result = await handled(tx, transaction, next, context, registration, parts)
        written = transaction
        return result
      } catch (error) {
        thrown = { error }
        throw error
      }
    }
    let result: unknown
    try {
      result = await parts.store.transaction(work)
    } catch (error) {
      if (thrown?.error instanceof RolledBack) return thrown.error.result
      throw thrown === undefined ? error : thrown.error // what the handler threw, not what became of the rollback
    }
    if (written.rows > 0) parts.relay.wake()
    if (written.waits) parts.relay.scheduled()
    context.answered = true // with the transaction, where an answer is wanted
    if (result !== DUPLICATE) return result
    dropped(context, parts)
    return undefined
  }
}

type Written = Pick<Transaction, 'rows' | 'waits'>

/** Rejects where anything has failed: then nothing may commit. */
async function handled(
  tx: unknown,
  transaction: Transaction,
  next: Handle,
  context: TransactionalHandlerContext,
  registration: Registration,
  parts: TransactionalParts,
): Promise<unknown> {
  try {
    const sequence = await standing(transaction, context, registration, parts)
    context.begin({ tx, sender: parts.senderFor(context, transaction), sequence })
    const result: unknown = await next(context)
    if (context.failed) throw new RolledBack(result)
    await enqueueReply(registration, result, context, transaction, parts)
    await transaction.end()
    return result
  } catch (error) {
    await transaction.abandon()
    throw error
  }
}

async function isDuplicate(
  session: StoreSession,
  { message, body }: TransactionalHandlerContext,
  { options: { idempotentBy } }: Registration,
  { transient, channel, group }: TransactionalParts,
): Promise<boolean> {
  const key = transient ? undefined : inboxKey(message, body, idempotentBy)
  return key !== undefined && (await session.receive(inboxOf(channel, group), [key])).size > 0
}

/** @throws {WaybillError} `WAYBILL_SEQUENCE_GAP` where the handler does not want it before what is missing */
export async function standing(
  { session }: Transaction,
  { message }: TransactionalHandlerContext,
  { options: { onGap = 'report' } }: Registration,
  { transient, channel, group, service, logger }: TransactionalParts,
): Promise<SequenceStanding | undefined> {
  const sequence = transient ? undefined : await observe(session, inboxOf(channel, group), message)
  if (sequence === undefined || sequence.missing === 0) return sequence
  const { number, missing } = sequence
  const { id, type, key } = message
  const what = `${missing} before number ${number} of ${type} for ${key} from ${message.source} were not handled by ${group}`
  if (sequenceGap.hasSubscribers)
    sequenceGap.publish({ message, service, channel: channel.name, group, number, missing })
  if (onGap === 'fail') throw new WaybillError('WAYBILL_SEQUENCE_GAP', what)
  logger.warn({ id, type, key, group, number, missing }, 'messages of a sequence are missing')
  return sequence
}

/** So that it is sent exactly when the work is committed. */
async function enqueueReply(
  registration: Registration,
  result: unknown,
  { message, answered }: TransactionalHandlerContext,
  transaction: Transaction,
  { service, runtime }: TransactionalParts,
): Promise<void> {
  const { replyTo: address } = message
  if (address === undefined || registration.role === 'reply' || answered) return
  const reply: EncodedReply = await replyOf(registration, result)
  await transaction.write({ message: replyTo(message, reply, service, runtime), to: { kind: 'address', address } })
}

export function dropped(
  { message }: TransactionalHandlerContext,
  { service, group, channel, logger, onDuplicate }: TransactionalParts,
): void {
  onDuplicate()
  logger.debug(
    { id: message.id, type: message.type, group },
    'a message that was handled before came again, and was dropped',
  )
  if (duplicateDropped.hasSubscribers) duplicateDropped.publish({ message, service, channel: channel.name, group })
}

/** Around the handler itself: notes that it failed, so that nobody commits half of what it does. */
export function onceInTransaction(next: Handle): Handle {
  return async (handling) => {
    const context = handling as TransactionalHandlerContext // as above
    if (context.called) {
      context.failed = true
      throw new Error(`a middleware called the handler of ${context.type} twice within one transaction`)
    }
    context.called = true
    try {
      return await next(handling)
    } catch (error) {
      context.failed = true
      throw error
    }
  }
}
