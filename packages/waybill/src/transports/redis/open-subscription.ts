import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient } from '../../transport/channel.ts'
import { checkGroup, checkSignals } from '../../transport/check-topology.ts'
import type { Delivery, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupSubscription } from './group-subscription.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { isOrdered } from './names.ts'
import { OrderedSubscription } from './ordered/ordered-subscription.ts'
import { Reading } from './reading.ts'
import { ReplySubscription } from './reply-subscription.ts'
import { SignalSubscription } from './signal-subscription.ts'

export interface SubscriptionEvents {
  /** From now on it is told of the link. */
  opening(subscription: LinkedSubscription): void
  closed(subscription: LinkedSubscription): void
}

type Opened = GroupSubscription | OrderedSubscription | ReplySubscription | SignalSubscription | Reading

/** Resolves when the server hands out to the subscription. */
export async function openSubscription(
  spec: SubscriptionSpec,
  context: Context,
  receive: (batch: readonly Delivery[]) => void,
  events: SubscriptionEvents,
): Promise<Subscription & LinkedSubscription> {
  check(spec)
  const subscription: Opened = new (kindOf(spec))(spec, context, receive, () => events.closed(subscription))
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

function kindOf({ group, transient }: SubscriptionSpec) {
  if (group.channel.kind === 'signals') return SignalSubscription
  if (transient) return group.channel.kind === 'reply' ? ReplySubscription : Reading
  return isOrdered(group) ? OrderedSubscription : GroupSubscription
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
