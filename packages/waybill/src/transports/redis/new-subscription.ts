import { checkReader } from '../../transport/check-subscription.ts'
import type { LocalSource } from '../../transport/local-source.ts'
import { LocalSubscription } from '../../transport/local-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupSubscription } from './group-subscription.ts'
import { isOrdered } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { ReadingSource } from './reading-source.ts'
import { ReplySource } from './reply-source.ts'
import { SignalSource } from './signal-source.ts'

export type RedisSubscription = GroupSubscription | OrderedSubscription | LocalSubscription

export function newSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): RedisSubscription {
  checkReader(spec)
  const source = localSource(spec, context)
  if (source !== undefined) return new LocalSubscription(spec, context, receive, closed, source)
  return new (isOrdered(spec.group) ? OrderedSubscription : GroupSubscription)(spec, context, receive, closed)
}

/** Of a subscription that leaves nothing behind. */
function localSource(spec: SubscriptionSpec, context: Context): LocalSource | undefined {
  const { kind } = spec.group.channel
  if (kind === 'signals') return new SignalSource(spec, context)
  if (!spec.transient) return undefined
  return kind === 'reply' ? new ReplySource(spec, context) : new ReadingSource(spec, context)
}
