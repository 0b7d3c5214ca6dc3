import { WaybillError } from '../../message/errors.ts'
import { whoseOf } from '../../transport/check-subscription.ts'
import type { Delivery, SubscriptionSpec } from '../../transport/transport.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { QueueSubscription } from './queue-subscription.ts'
import type { SubscriptionContext } from './subscription-context.ts'
import { groupTopology, isOrdered, transientTopology } from './topology.ts'

export type AmqpSubscription = OrderedSubscription | QueueSubscription

export async function newSubscription(
  spec: SubscriptionSpec,
  context: SubscriptionContext,
  receive: (batch: readonly Delivery[]) => void,
  closed: () => void,
): Promise<AmqpSubscription> {
  check(spec)
  const { group, transient } = spec
  if (!transient) await context.declarer.claim(group)
  const topology = transient ? transientTopology(group, context.runtime.newId()) : groupTopology(group)
  const Kind = isOrdered(group) && !transient ? OrderedSubscription : QueueSubscription
  return new Kind(spec, topology, context, receive, closed)
}

function check(spec: SubscriptionSpec): void {
  const whose = whoseOf(spec)
  if (spec.start !== undefined && spec.start !== 'now')
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} starts elsewhere than now: a queue keeps no history`)
  if (spec.shards !== undefined)
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} names its shards: a queue is read by its group alone`)
}
