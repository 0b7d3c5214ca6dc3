import type { Relay } from '../../outbox/relay.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Store } from '../../store/store.ts'
import type { Logger } from '../observation/logger.ts'
import type { TransactionSender } from '../sending/transaction-sender.ts'
import type { PlannedSubscription } from '../service/plan-subscriptions.ts'
import type { Registration } from '../service/registration.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { transactionalBatch } from '../transactions/transactional-batch.ts'
import { onceInTransaction, transactional, type TransactionalParts } from '../transactions/transactional-handler.ts'
import type { RouteHooks } from './ready-route.ts'

export interface TransactionHookParts {
  readonly runtime: Runtime
  readonly logger: Logger
  /** What a service says within a transaction, while it handles `parent`. */
  readonly speakWithin: (source: string, parent: WireMessage, transaction: Transaction) => TransactionSender
  readonly relayOf: (store: Store<unknown>) => Pick<Relay, 'wake' | 'scheduled'>
}

/** What goes around each handler of a service with a store; nothing where it has none. */
export function transactionHooks(
  registration: Registration,
  { service, group, transient }: PlannedSubscription,
  { runtime, logger, speakWithin, relayOf }: TransactionHookParts,
  onDuplicate: () => void,
): Pick<RouteHooks, 'transaction' | 'aroundBatch'> {
  const { store } = service
  if (store === undefined) return {}
  const parts: TransactionalParts = {
    store,
    runtime,
    logger,
    relay: relayOf(store),
    senderFor: ({ message }, transaction) => speakWithin(service.name, message, transaction),
    service: service.name,
    group: group.name,
    channel: group.channel,
    transient,
    onDuplicate,
  }
  if (registration.batch !== undefined) return { aroundBatch: transactionalBatch(registration, parts) }
  return { transaction: { around: transactional(registration, parts), innermost: onceInTransaction } }
}
