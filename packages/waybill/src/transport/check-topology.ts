import { WaybillError } from '../message/errors.ts'
import { hasOneRecipient, type Channel } from './channel.ts'
import type { Group, SubscriptionSpec, Topology } from './transport.ts'

/** Each shard is two queues and, at its owner, two consumers: beyond this a broker's memory is spent on them alone. */
export const MAX_SHARDS = 1_024
/** AMQP 0-9-1 names are short strings of at most 255 bytes (section 4.2.5.3); ours add suffixes and an id to these. */
const MAX_NAME = 100
const NAME = /^[\w.-]+$/

export function checkChannel(channel: Channel): void {
  if (!NAME.test(channel.name))
    throw new TypeError(`a channel's name has letters, digits and ._- only: ${channel.name}`)
  checkLength('channel', channel.name)
  if (!Number.isInteger(channel.shards) || channel.shards < 1)
    throw new WaybillError('WAYBILL_ORDER_NEEDS_SHARDS', `channel ${channel.name} has ${channel.shards} shards`)
  if (channel.shards > MAX_SHARDS)
    throw new WaybillError(
      'WAYBILL_LIMIT',
      `channel ${channel.name} has ${channel.shards} shards; at most ${MAX_SHARDS}`,
    )
}

/** What is to be declared. @throws {WaybillError} also where a group is of signals, which are kept for nobody */
export function checkTopology({ channels, groups }: Topology): void {
  channels.forEach(checkChannel)
  groups.forEach(checkGroup)
  for (const { channel, name } of groups)
    if (channel.kind === 'signals')
      throw new WaybillError('WAYBILL_UNSUPPORTED', `group ${name} of channel ${channel.name}: ${NOT_STORED}`)
}

/** Whether what a subscription to signals asks for can be had. @throws {WaybillError} WAYBILL_UNSUPPORTED */
export function checkSignals({ group, transient, start = 'now', shards }: SubscriptionSpec): void {
  const { channel, name } = group
  if (channel.kind !== 'signals') return
  const asks = [
    [!transient, 'is a group that keeps its messages'],
    [start !== 'now', 'begins elsewhere than now'],
    [shards !== undefined, 'names its shards'],
  ] as const
  for (const [asked, what] of asks)
    if (asked)
      throw new WaybillError('WAYBILL_UNSUPPORTED', `${name} of channel ${channel.name} ${what}: ${NOT_STORED}`)
}

const NOT_STORED = 'signals are not stored'

export function checkGroup(group: Group): void {
  checkChannel(group.channel)
  if (group.name === '') throw new TypeError(`a group of channel ${group.channel.name} has no name`)
  // It separates the parts of a queue's name.
  if (group.name.includes(':')) throw new TypeError(`a group's name has no colon: ${group.name}`)
  checkLength('group', group.name)
  if (!group.ordered) return
  const { kind, name, shards, foreign } = group.channel
  const whose = `group ${group.name} of channel ${name}`
  if (hasOneRecipient(kind) && shards === 1)
    throw new WaybillError('WAYBILL_ORDER_NEEDS_SHARDS', `${whose} is ordered, and the ${kind} has one shard`)
  if (kind === 'reply' || kind === 'survey' || kind === 'query' || kind === 'signals')
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${whose} is ordered; a channel of kind ${kind} has no order to keep`)
  if (foreign !== undefined)
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `${whose} is ordered; ${foreign} belongs to ordinary clients and has no shards`,
    )
}

function checkLength(what: string, name: string): void {
  if (Buffer.byteLength(name) > MAX_NAME)
    throw new WaybillError('WAYBILL_LIMIT', `the name of ${what} ${name} is longer than ${MAX_NAME} bytes`)
}
