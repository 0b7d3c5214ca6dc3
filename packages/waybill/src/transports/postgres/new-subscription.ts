import { checkReader } from '../../transport/check-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupSubscription } from './group-subscription.ts'
import { HistorySubscription } from './history-subscription.ts'
import { isOrdered } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { TransientSubscription } from './transient-subscription.ts'

export type PostgresSubscription = GroupSubscription | OrderedSubscription | TransientSubscription | HistorySubscription

export async function newSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): Promise<PostgresSubscription> {
  checkReader(spec)
  return new (await kindOf(spec, context))(spec, context, receive, closed)
}

async function kindOf({ group, transient, start = 'now' }: SubscriptionSpec, { declarer }: Context) {
  if (!transient) return isOrdered(group) ? OrderedSubscription : GroupSubscription
  if (start === 'now') return TransientSubscription
  await declarer.channel(group.channel)
  // Where nothing is kept, the past is empty; a position there has gone.
  const isPast = (typeof start === 'object' && 'positions' in start) || (await declarer.keeps(group.channel))
  return isPast ? HistorySubscription : TransientSubscription
}
