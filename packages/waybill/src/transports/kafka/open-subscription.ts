import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient } from '../../transport/channel.ts'
import { checkGroup, checkSignals } from '../../transport/check-topology.ts'
import type { Delivery, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { LinkedSubscription, SubscriptionContext } from './subscription-context.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { ShareSubscription } from './share/share-subscription.ts'
import { isOrdered } from './topic-names.ts'
import { TransientSubscription } from './transient/transient-subscription.ts'

export interface SubscriptionEvents {
  /** From now on it is told of the link. */
  opening(subscription: LinkedSubscription): void
  closed(subscription: LinkedSubscription): void
}

type Opened = ShareSubscription | OrderedSubscription | TransientSubscription

/** Resolves when the cluster counts the subscription. */
export async function openSubscription(
  spec: SubscriptionSpec,
  context: SubscriptionContext,
  receive: (batch: readonly Delivery[]) => void,
  events: SubscriptionEvents,
  deliveryLimit: () => number,
): Promise<Subscription & LinkedSubscription> {
  check(spec)
  const closed = (): void => events.closed(subscription)
  const make = (): Opened => {
    if (spec.transient) return new TransientSubscription(spec, context, receive, closed)
    if (isOrdered(spec.group)) return new OrderedSubscription(spec, context, receive, closed)
    return new ShareSubscription(spec, context, receive, closed, deliveryLimit)
  }
  const subscription = make()
  events.opening(subscription)
  try {
    await subscription.start()
  } catch (error) {
    // Takes back what was begun; why it did not begin tells more than why that failed, too.
    await subscription.close(0).catch(() => undefined)
    throw error
  }
  return subscription
}

function check(spec: SubscriptionSpec): void {
  checkGroup(spec.group)
  checkSignals(spec)
  const { channel, name, ordered } = spec.group
  const whose = `group ${name} of channel ${channel.name}`
  if (!Number.isInteger(spec.prefetch) || spec.prefetch < 1)
    throw new TypeError(`${whose} has prefetch ${spec.prefetch}; it is a whole number from 1`)
  if (spec.shards !== undefined && !spec.transient)
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} names its shards: only a transient subscription may`)
  const foreign = spec.shards?.find((shard) => shard < 0 || shard >= channel.shards)
  if (foreign !== undefined) throw new TypeError(`${whose} has no shard ${foreign}`)
  if (spec.transient && hasOneRecipient(channel.kind))
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} is transient, and a ${channel.kind} has one owner`)
  if (spec.transient && ordered)
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `${whose} is transient and ordered: its retries have no lane to wait in`,
    )
}
