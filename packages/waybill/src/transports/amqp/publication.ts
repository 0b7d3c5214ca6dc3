import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import { shardOf } from '../../message/shard.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Outgoing } from '../../transport/transport.ts'
import type { Publication } from './engine.ts'
import { entityOf, hasExchange, isStored } from './topology.ts'

/** What to publish for an outgoing message at `now`, or why it is refused unsent. */
export function toPublication(outgoing: Outgoing, now: number): Publication | WaybillError {
  const { message, to } = outgoing
  const left = message.expiresAt === undefined ? undefined : message.expiresAt - now - (outgoing.delayMs ?? 0)
  if (left !== undefined && left <= 0)
    return new WaybillError(
      'WAYBILL_EXPIRED',
      `${message.kind} ${message.type} ${message.id} expired before it was sent`,
    )
  const delayed = outgoing.delayMs !== undefined && outgoing.delayMs > 0 ? { delayMs: outgoing.delayMs } : undefined
  if (to.kind === 'address')
    return {
      exchange: '',
      routingKey: to.address,
      message,
      mandatory: true,
      persistent: true,
      ...ttl(message, left),
      ...delayed,
    }
  if (!hasExchange(to)) {
    const persistent = to.kind !== 'query'
    return {
      exchange: '',
      routingKey: entityOf(to),
      message,
      mandatory: true,
      persistent,
      ...ttl(message, left),
      ...delayed,
    }
  }
  if (delayed !== undefined)
    return new WaybillError('WAYBILL_UNSUPPORTED', `a delayed send to channel ${to.name}, which is an exchange`)
  return {
    exchange: entityOf(to),
    routingKey: routingKeyOf(to, message),
    message,
    mandatory: !isForAnybody(to),
    persistent: isStored(to),
    ...ttl(message, left),
  }
}

function isForAnybody({ kind }: Channel): boolean {
  return kind === 'events' || kind === 'signals' || kind === 'survey'
}

/** `<shard>.<type>`; the bare type where ordinary clients bind, and where there are no shards. */
function routingKeyOf(channel: Channel, message: WireMessage): string {
  if (channel.foreign !== undefined || channel.kind === 'signals') return message.type
  return `${message.key === undefined ? 0 : shardOf(message.key, channel.shards)}.${message.type}`
}

function ttl(message: WireMessage, left: number | undefined): { readonly ttlMs: number } | undefined {
  return left !== undefined && vanishesWhenExpired(message) ? { ttlMs: left } : undefined
}
