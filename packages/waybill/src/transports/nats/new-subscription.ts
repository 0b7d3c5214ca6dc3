import { checkReader } from '../../transport/check-subscription.ts'
import type { LocalSource } from '../../transport/local-source.ts'
import { LocalSubscription } from '../../transport/local-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { CoreSource } from './core-source.ts'
import { GroupSubscription } from './group-subscription.ts'
import { isOrdered, isStored } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { ReadingSource } from './reading-source.ts'

export type NatsSubscription = GroupSubscription | OrderedSubscription | LocalSubscription

export function newSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): NatsSubscription {
  checkReader(spec)
  const source = localSource(spec, context)
  if (source !== undefined) return new LocalSubscription(spec, context, receive, closed, source)
  return new (isOrdered(spec.group) ? OrderedSubscription : GroupSubscription)(spec, context, receive, closed)
}

/** Of a subscription that leaves nothing behind. */
function localSource(spec: SubscriptionSpec, context: Context): LocalSource | undefined {
  const { channel } = spec.group
  if (!isStored(channel) || (spec.transient && channel.kind === 'reply')) return new CoreSource(spec, context)
  return spec.transient ? new ReadingSource(spec, context) : undefined
}
