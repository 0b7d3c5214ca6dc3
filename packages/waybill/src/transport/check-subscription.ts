import { WaybillError } from '../message/errors.ts'
import { hasOneRecipient } from './channel.ts'
import { checkGroup, checkSignals } from './check-topology.ts'
import type { SubscriptionSpec } from './transport.ts'

/** What no engine can do. */
export function checkSubscription(spec: SubscriptionSpec): void {
  const { group, transient, prefetch } = spec
  checkGroup(group)
  checkSignals(spec)
  const whose = whoseOf(spec)
  if (!Number.isInteger(prefetch) || prefetch < 1)
    throw new TypeError(`${whose} has prefetch ${prefetch}; it is a whole number from 1`)
  if (transient && hasOneRecipient(group.channel.kind))
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} is transient, and a ${group.channel.kind} has one owner`)
  if (transient && group.ordered)
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `${whose} is transient and ordered: its retries have no lane to wait in`,
    )
}

/** Where an engine keeps the history of events, and of nothing else. */
export function checkReader(spec: SubscriptionSpec): void {
  const { transient, shards, start } = spec
  const { channel } = spec.group
  const whose = whoseOf(spec)
  if (shards !== undefined && (!transient || channel.kind !== 'events'))
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} names its shards: only a transient reader of events does`)
  if (shards?.some((shard) => !Number.isInteger(shard) || shard < 0 || shard >= channel.shards) === true)
    throw new TypeError(`${whose} names shards ${shards.join(', ')} of ${channel.shards}`)
  if (shards?.length === 0) throw new TypeError(`${whose} names no shard`)
  if (start !== undefined && start !== 'now' && start !== 'earliest' && channel.kind !== 'events')
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} starts in the past: a ${channel.kind} keeps no history`)
}

/** The group, for people. */
export function whoseOf({ group }: Pick<SubscriptionSpec, 'group'>): string {
  return `group ${group.name} of channel ${group.channel.name}`
}
