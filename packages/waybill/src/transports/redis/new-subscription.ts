import { checkReader } from '../../transport/check-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupSubscription } from './group-subscription.ts'
import { isOrdered } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { Reading } from './reading.ts'
import { ReplySubscription } from './reply-subscription.ts'
import { SignalSubscription } from './signal-subscription.ts'

export type RedisSubscription =
  GroupSubscription | OrderedSubscription | ReplySubscription | SignalSubscription | Reading

export function newSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): RedisSubscription {
  checkReader(spec)
  return new (kindOf(spec))(spec, context, receive, closed)
}

function kindOf({ group, transient }: SubscriptionSpec) {
  if (group.channel.kind === 'signals') return SignalSubscription
  if (transient) return group.channel.kind === 'reply' ? ReplySubscription : Reading
  return isOrdered(group) ? OrderedSubscription : GroupSubscription
}
