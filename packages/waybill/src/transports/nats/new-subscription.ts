import { checkReader } from '../../transport/check-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { CoreSubscription } from './core-subscription.ts'
import { GroupSubscription } from './group-subscription.ts'
import { isOrdered, isStored } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { Reading } from './reading.ts'

export type NatsSubscription = GroupSubscription | OrderedSubscription | CoreSubscription | Reading

export function newSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): NatsSubscription {
  checkReader(spec)
  return new (kindOf(spec))(spec, context, receive, closed)
}

function kindOf({ group, transient }: SubscriptionSpec) {
  if (!isStored(group.channel) || (transient && group.channel.kind === 'reply')) return CoreSubscription
  if (transient) return Reading
  return isOrdered(group) ? OrderedSubscription : GroupSubscription
}
