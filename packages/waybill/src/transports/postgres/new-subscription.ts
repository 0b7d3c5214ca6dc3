import { checkReader } from '../../transport/check-subscription.ts'
import type { LocalSource } from '../../transport/local-source.ts'
import { LocalSubscription } from '../../transport/local-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupSubscription } from './group-subscription.ts'
import { HistorySource } from './history-source.ts'
import { isOrdered } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { TransientSource } from './transient-source.ts'

export type PostgresSubscription = GroupSubscription | OrderedSubscription | LocalSubscription

export async function newSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): Promise<PostgresSubscription> {
  checkReader(spec)
  if (spec.transient) return new LocalSubscription(spec, context, receive, closed, await localSource(spec, context))
  return new (isOrdered(spec.group) ? OrderedSubscription : GroupSubscription)(spec, context, receive, closed)
}

/** Of a subscription that leaves nothing behind. */
async function localSource(spec: SubscriptionSpec, context: Context): Promise<LocalSource> {
  const { group, start = 'now' } = spec
  const { declarer } = context
  if (start === 'now') return new TransientSource(spec, context)
  await declarer.channel(group.channel)
  // Where nothing is kept, the past is empty; a position there has gone.
  const isPast = (typeof start === 'object' && 'positions' in start) || (await declarer.keeps(group.channel))
  return isPast ? new HistorySource(spec, context) : new TransientSource(spec, context)
}
