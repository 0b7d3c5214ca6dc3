import { checkReader } from '../../transport/check-subscription.ts'
import { LocalSubscription } from '../../transport/local-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { ShareSubscription } from './share/share-subscription.ts'
import type { SubscriptionContext } from './subscription-context.ts'
import { isOrdered } from './topic-names.ts'
import { TransientSource } from './transient-source.ts'

/** No coordinator counts it. */
type Uncounted = LocalSubscription & { readonly memberId?: undefined }

export type KafkaSubscription = ShareSubscription | OrderedSubscription | Uncounted

export function newSubscription(
  spec: SubscriptionSpec,
  context: SubscriptionContext,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
  deliveryLimit: () => number,
): KafkaSubscription {
  checkReader(spec)
  if (spec.transient) return new LocalSubscription(spec, context, receive, closed, new TransientSource(spec, context))
  if (isOrdered(spec.group)) return new OrderedSubscription(spec, context, receive, closed)
  return new ShareSubscription(spec, context, receive, closed, deliveryLimit)
}
