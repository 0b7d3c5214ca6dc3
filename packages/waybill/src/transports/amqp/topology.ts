// What exists on the broker for each channel and group. An operator meets these names on the management page.
//
//   for                          entity                            kind                        routing
//   events `orders`              orders                            durable topic exchange      <shard>.<type>
//     group `shipping`           orders:shipping                   durable queue               *.<type> for each type, or #
//     group, ordered             orders:shipping:<n>               durable queue, SAC          <n>.<type> for each type, or <n>.#
//     group's failures           orders:shipping:dead              durable queue
//     ordered: retry lane        orders:shipping:<n>:retry         durable queue, SAC
//     ordered: its members       orders:shipping:members           durable fanout exchange
//     ordered: one member        orders:shipping:member:<id>       exclusive queue
//     one instance (transient)   orders:shipping:<id>              exclusive queue             as its group
//   signals `prices`             prices:signals                    durable topic exchange      <type>
//     one instance, label `l`    prices:l:<id>                     exclusive queue             <type> for each type, or #
//   command, document `a.b`      a.b                               durable queue               default exchange
//     with shards                a.b                               durable topic exchange      <shard>.<type>
//                                a.b:<n>                           durable queue, SAC          <n>.#
//   number of shards             a.b:layout                        durable fanout exchange whose alternate-exchange
//                                                                  is waybill.shards.<number>; nothing passes through it
//   an event group's order       orders:shipping:layout            likewise: waybill.ordered, or waybill.unordered
//   query `a.b`                  a.b                               shared-transient queue      default exchange
//   its owner (command, query,   a.b:owner                         durable fanout exchange whose alternate-exchange
//     document)                                                    is waybill.owner.<service>; nothing passes through it
//   survey `a.b`                 a.b                               durable topic exchange      <shard>.<type>
//     group `g`                  a.b:g                             shared-transient queue      #
//   replies to service `s`       s:replies                         durable queue               default exchange
//   replies to one process       s:replies:<id>                    exclusive queue             default exchange
//   foreign channel              its name, as it is: an exchange for events, bound with #; a queue otherwise
//
// SAC: single active consumer. Owner and layout are exchanges because the engine compares the arguments of a second
// declaration with the first and refuses unequal ones in one step: no race, over processes and machines. So nobody sends
// to, or consumes from, another number of shards than the others do.
import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import type { ExchangeSpec, QueueSpec } from './engine.ts'

export interface Binding {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
}

/** Declared in this order: exchanges, queues, bindings. */
export interface Declarations {
  readonly exchanges: readonly ExchangeSpec[]
  readonly queues: readonly QueueSpec[]
  readonly bindings: readonly Binding[]
}

export interface GroupTopology extends Declarations {
  /** The queues that the group consumes: one, or one for each shard. */
  readonly sources: readonly string[]
  /** The retry lane of each shard; empty when not ordered. */
  readonly lanes: readonly string[]
  readonly deadLetters: string
}

/** What waits for an instance that is slow: beyond it, it misses the oldest. */
const MOST_SIGNALS = { messages: 65_536, bytes: 64 * 2 ** 20 } as const

const OWNER_PREFIX = 'waybill.owner.'

/** Whether messages go to an exchange; the others go to a queue of the channel's name. */
export function hasExchange(channel: Channel): boolean {
  if (channel.kind === 'events' || channel.kind === 'survey' || channel.kind === 'signals') return true
  return channel.foreign === undefined && channel.shards > 1 && channel.kind !== 'reply'
}

/** Whether its messages are to survive the broker. Surveys and signals are for who is there now. */
export function isStored({ kind }: Channel): boolean {
  return kind !== 'survey' && kind !== 'signals'
}

/** The exchange or queue that messages of the channel are published to. */
export function entityOf(channel: Channel): string {
  if (channel.foreign !== undefined) return channel.foreign
  if (channel.kind === 'signals') return `${channel.name}:signals`
  return channel.kind === 'reply' ? `${channel.name}:replies` : channel.name
}

/** Order is kept: asked for, or laid down by a command's shards, whose queues either side may have declared first. */
export function isOrdered(group: Group): boolean {
  return group.ordered || (hasOneRecipient(group.channel.kind) && group.channel.shards > 1)
}

/**
 * What the sender needs before anybody receives: an exchange; or the queue of a command, so that commands may be sent
 * before their service has ever run. A query's queue is left to its answerer, so that unanswerable queries are refused.
 */
export function channelTopology(channel: Channel): Declarations {
  if (channel.foreign !== undefined) return NOTHING
  const exchanges = [...exchangesOf(channel), ...layoutOf(channel)]
  if (channel.kind === 'command' || channel.kind === 'document') {
    const queues = sourcesOf(channel, channel.name)
    return { exchanges, queues, bindings: queues.flatMap((queue, n) => bindingsOf(channel, undefined, queue.name, n)) }
  }
  return { exchanges, queues: [], bindings: [] }
}

/**
 * The exchange alone: enough to publish to, so that a message without recipients is answered as its kind demands.
 *
 * @throws {WaybillError} `WAYBILL_UNSUPPORTED` when the channel is to keep what was handled, which queues do not
 */
export function exchangesOf(channel: Channel): readonly ExchangeSpec[] {
  if (channel.retentionMs !== undefined)
    throw new WaybillError(
      'WAYBILL_UNSUPPORTED',
      `channel ${channel.name} keeps its messages to be read again; a queue forgets what was handled`,
    )
  return hasExchange(channel) && channel.foreign === undefined ? [{ name: entityOf(channel), type: 'topic' }] : []
}

export function groupTopology(group: Group): GroupTopology {
  const { channel } = group
  const base =
    hasOneRecipient(channel.kind) || channel.kind === 'reply' ? entityOf(channel) : `${channel.name}:${group.name}`
  const ordered = isOrdered(group)
  const owned = channel.foreign === undefined || hasExchange(channel)
  const queues = ordered ? shardQueues(base, channel.shards) : sourcesOf(channel, base)
  const lanes = ordered ? queues.map((queue) => `${queue.name}:retry`) : []
  const deadLetters = `${channel.name}:${group.name}:dead`
  return {
    exchanges: [
      ...exchangesOf(channel),
      ...layoutsOf(group),
      ...(ordered ? [{ name: membersExchange(group), type: 'fanout' as const }] : []),
    ],
    queues: [
      ...(owned ? queues : []),
      ...lanes.map((name) => ({ name, life: 'durable' as const, singleActiveConsumer: true })),
      { name: deadLetters, life: 'durable' },
    ],
    bindings: queues.flatMap((queue, n) => bindingsOf(channel, group.types, queue.name, ordered ? n : '*')),
    sources: queues.map((queue) => queue.name),
    lanes,
    deadLetters,
  }
}

/** The queue, or the first of those, that a group reads. */
export function sourceOf(group: Group): { readonly life: QueueSpec['life']; readonly isForeign: boolean } {
  const { retentionMs: _, ...channel } = group.channel // refused where it is declared
  const { queues, sources } = groupTopology({ ...group, channel })
  const own = queues.find(({ name }) => name === sources[0])
  return { life: own?.life ?? 'durable', isForeign: own === undefined }
}

/** A queue of one instance, which leaves nothing behind: no dead letters either. */
export function transientTopology(group: Group, id: string): GroupTopology {
  const { channel } = group
  const name = channel.kind === 'reply' ? `${entityOf(channel)}:${id}` : `${channel.name}:${group.name}:${id}`
  return {
    exchanges: exchangesOf(channel),
    queues: [{ name, life: 'exclusive', ...(channel.kind === 'signals' ? { keepsNewest: MOST_SIGNALS } : {}) }],
    bindings: bindingsOf(channel, group.types, name, '*'),
    sources: [name],
    lanes: [],
    deadLetters: '',
  }
}

/** Declaring it claims the channel for the group's service; `undefined` where several groups may receive. */
export function claimOf(group: Group): ExchangeSpec | undefined {
  if (!hasOneRecipient(group.channel.kind) || group.channel.foreign !== undefined) return undefined
  return { name: `${group.channel.name}:owner`, type: 'fanout', alternate: OWNER_PREFIX + group.name }
}

/** The owner that the engine names when it refuses a claim, where it does. */
export function ownerIn(refusal: string): string | undefined {
  return /current is '?waybill\.owner\.([^'\s]+)'?/.exec(refusal)?.[1]
}

export function membersExchange(group: Group): string {
  return `${group.channel.name}:${group.name}:members`
}

export function memberQueue(group: Group, id: string): string {
  return `${group.channel.name}:${group.name}:member:${id}`
}

/** Fixes the channel's number of shards with its first declaration. */
export function layoutOf(channel: Channel): readonly ExchangeSpec[] {
  const sharded = channel.kind === 'events' || channel.kind === 'command' || channel.kind === 'document'
  return sharded && channel.foreign === undefined ? [layout(channel.name, `shards.${channel.shards}`)] : []
}

/** What fixes the channel's number of shards, and the group's order. */
export function layoutsOf(group: Group): readonly ExchangeSpec[] {
  const { channel } = group
  const ownOrder = channel.kind === 'events' && channel.foreign === undefined
  const order = isOrdered(group) ? 'ordered' : 'unordered'
  return [...layoutOf(channel), ...(ownOrder ? [layout(`${channel.name}:${group.name}`, order)] : [])]
}

function layout(of: string, what: string): ExchangeSpec {
  return { name: `${of}:layout`, type: 'fanout', alternate: `waybill.${what}` }
}

const NOTHING: Declarations = { exchanges: [], queues: [], bindings: [] }

function sourcesOf(channel: Channel, base: string): readonly QueueSpec[] {
  const shared = channel.kind === 'query' || channel.kind === 'survey'
  if (shared) return [{ name: base, life: 'shared-transient' }]
  if (channel.kind === 'signals') return [{ name: base, life: 'exclusive' }]
  return channel.kind !== 'events' && hasExchange(channel)
    ? shardQueues(base, channel.shards)
    : [{ name: base, life: 'durable' }]
}

function shardQueues(base: string, shards: number): readonly QueueSpec[] {
  return Array.from({ length: shards }, (_, n) => ({
    name: `${base}:${n}`,
    life: 'durable' as const,
    singleActiveConsumer: true,
  }))
}

function bindingsOf(
  channel: Channel,
  types: readonly string[] | undefined,
  queue: string,
  shard: number | '*',
): readonly Binding[] {
  if (!hasExchange(channel)) return []
  const exchange = entityOf(channel)
  // The keys of an ordinary client's exchange are its own affair.
  if (channel.foreign !== undefined) return [{ queue, exchange, routingKey: '#' }]
  if (channel.kind === 'signals') return (types ?? ['#']).map((routingKey) => ({ queue, exchange, routingKey }))
  if (types === undefined) return [{ queue, exchange, routingKey: shard === '*' ? '#' : `${shard}.#` }]
  return types.map((type) => ({ queue, exchange, routingKey: `${shard}.${type}` }))
}
