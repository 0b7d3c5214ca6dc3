import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient } from '../../transport/channel.ts'
import type { Delivery, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import { checkGroup, checkSignals } from '../../transport/check-topology.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { QueueSubscription } from './queue-subscription.ts'
import type { LinkedSubscription, SubscriptionContext } from './subscription-context.ts'
import { groupTopology, isOrdered, transientTopology } from './topology.ts'

export interface SubscriptionEvents {
  /** From now on it is told of the link. */
  opening(subscription: LinkedSubscription): void
  closed(subscription: LinkedSubscription): void
}

/** Resolves when the broker delivers to the subscription. */
export async function openSubscription(
  spec: SubscriptionSpec,
  context: SubscriptionContext,
  receive: (batch: readonly Delivery[]) => void,
  events: SubscriptionEvents,
): Promise<Subscription & LinkedSubscription> {
  check(spec)
  const { group } = spec
  if (!spec.transient) await context.declarer.claim(group)
  const topology = spec.transient ? transientTopology(group, context.runtime.newId()) : groupTopology(group)
  const Kind = isOrdered(group) && !spec.transient ? OrderedSubscription : QueueSubscription
  const subscription: OrderedSubscription | QueueSubscription = new Kind(spec, topology, context, receive, () =>
    events.closed(subscription),
  )
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
  const whose = `group ${spec.group.name} of channel ${spec.group.channel.name}`
  if (!Number.isInteger(spec.prefetch) || spec.prefetch < 1)
    throw new TypeError(`${whose} has prefetch ${spec.prefetch}; it is a whole number from 1`)
  if (spec.start !== undefined && spec.start !== 'now')
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} starts elsewhere than now: a queue keeps no history`)
  if (spec.shards !== undefined)
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} names its shards: a queue is read by its group alone`)
  if (spec.transient && hasOneRecipient(spec.group.channel.kind))
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `${whose} is transient, and a ${spec.group.channel.kind} has one owner`,
    )
  if (spec.transient && spec.group.ordered)
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `${whose} is transient and ordered: its retries have no lane to wait in`,
    )
}
