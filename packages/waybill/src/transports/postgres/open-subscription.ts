import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient } from '../../transport/channel.ts'
import { checkGroup, checkSignals } from '../../transport/check-topology.ts'
import type { Delivery, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupSubscription } from './group-subscription.ts'
import { HistorySubscription } from './history-subscription.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { isOrdered } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { TransientSubscription } from './transient-subscription.ts'

export interface SubscriptionEvents {
  /** From now on it is told of the link. */
  opening(subscription: LinkedSubscription): void
  closed(subscription: LinkedSubscription): void
}

type Opened = GroupSubscription | OrderedSubscription | TransientSubscription | HistorySubscription

/** Resolves when messages sent from now on reach the subscription. */
export async function openSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  events: SubscriptionEvents,
): Promise<Subscription & LinkedSubscription> {
  check(spec)
  const subscription: Opened = new (await kindOf(spec, context))(spec, context, receive, () =>
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

async function kindOf({ group, transient, start = 'now' }: SubscriptionSpec, { declarer }: Context) {
  if (!transient) return isOrdered(group) ? OrderedSubscription : GroupSubscription
  if (start === 'now') return TransientSubscription
  await declarer.channel(group.channel)
  // Where nothing is kept, the past is empty; a position there has gone.
  const isPast = (typeof start === 'object' && 'positions' in start) || (await declarer.keeps(group.channel))
  return isPast ? HistorySubscription : TransientSubscription
}

function check(spec: SubscriptionSpec): void {
  const { group, transient, shards, start } = spec
  checkGroup(group)
  checkSignals(spec)
  const { channel } = group
  const whose = `group ${group.name} of channel ${channel.name}`
  if (!Number.isInteger(spec.prefetch) || spec.prefetch < 1)
    throw new TypeError(`${whose} has prefetch ${spec.prefetch}; it is a whole number from 1`)
  if (shards !== undefined && (!transient || channel.kind !== 'events'))
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} names its shards: only a transient reader of events does`)
  if (shards?.some((shard) => !Number.isInteger(shard) || shard < 0 || shard >= channel.shards) === true)
    throw new TypeError(`${whose} names shards ${shards.join(', ')} of ${channel.shards}`)
  if (shards?.length === 0) throw new TypeError(`${whose} names no shard`)
  if (start !== undefined && start !== 'now' && start !== 'earliest' && channel.kind !== 'events')
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} starts in the past: a ${channel.kind} keeps no history`)
  if (transient && hasOneRecipient(channel.kind))
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} is transient, and a ${channel.kind} has one owner`)
  if (transient && group.ordered)
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `${whose} is transient and ordered: its retries have no lane to wait in`,
    )
}
