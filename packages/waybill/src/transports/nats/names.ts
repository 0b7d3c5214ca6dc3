// What exists on the server for each channel and group. An operator meets these names in `nats stream ls`. <p> is the
// prefix, `waybill` unless told otherwise; <c> and <g> are the names of channel and group as tokens (name-token.ts).
//
//   for                          entity                        kind                       subjects
//   events `orders`              <p>-<c>                       stream, limits             <p>.<c>.<shard>.<type>
//     group `shipping`           <g> on it                     durable pull consumer      by type, where one type is asked for
//     group, ordered             <g>+<shard>+<token> on it     one for each owner         <p>.<c>.<shard>.>
//   command, document `a.b`      <p>-<c>                       stream, work queue         <p>.<c>.<shard>.<type>
//   replies to service `s`       <p>-<c>+replies               stream, work queue         <p>.<c>+replies.0.reply
//   of each of these             <p>-<c>+side                  stream, work queue         <p>.<c>+side.>
//     group's waiting retries    <g>+retry on it               durable pull consumer      <p>.<c>+side.retry.<g>
//     ordered: retry lane        <g>+lane+<shard>+<token>      one for each owner         <p>.<c>+side.lane.<g>.<shard>.<token>
//     ordered: redriven          <g>+again+<shard>+<token>     one for each owner         <p>.<c>+side.again.<g>.<shard>
//     group's dead letters                                     nobody consumes them       <p>.<c>+side.dead.<g>
//     what is to wait            +delay on it                  durable pull consumer      <p>.<c>+side.delay
//   query, survey `a.b`                                        core NATS                  <p>.<c>
//   signals `prices`                                           core NATS                  <p>.<c>+signals.<type>
//   replies to one process                                     core NATS                  _INBOX.<id>
//   who is attached                                            core NATS                  <p>.<c>+here.<g>
//   claims, layouts, leases      <p>                           key-value bucket           owner.<c>, shards.<c>, order.<c>.<g>,
//                                                                                         lease.<c>.<g>.…
//   foreign channel              the stream that has the subject of this name, or the stream of this name
import { shardOf } from '../../message/shard.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import { nameToken } from './name-token.ts'

/** What neither separates nor matches tokens in a subject, as most types are. */
const PLAIN_TYPE = /^[^\s.*>]+(?:\.[^\s.*>]+)*$/

/** Messages of queries, surveys and signals are for who is there now: core NATS has them, and no stream. */
export function isStored({ kind }: Channel): boolean {
  return kind !== 'query' && kind !== 'survey' && kind !== 'signals'
}

/** Order is kept: asked for, or laid down by a command's shards. */
export function isOrdered(group: Group): boolean {
  return group.ordered || (hasOneRecipient(group.channel.kind) && group.channel.shards > 1)
}

export class Names {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** The channel's stream. */
  stream(channel: Channel): string {
    return `${this.prefix}-${base(channel)}`
  }

  /** The stream of what becomes of its messages at its groups. */
  side(channel: Channel): string {
    return `${this.prefix}-${base(channel)}+side`
  }

  /** All subjects of the channel's stream; of one shard, or of one type, where they are named. */
  filter(channel: Channel, shard: number | '*' = '*', type?: string): string {
    return `${this.prefix}.${base(channel)}.${shard}.${type === undefined ? '>' : typeTokens(type)}`
  }

  /** Where a message of the channel is published. */
  subject(channel: Channel, message: WireMessage): string {
    if (channel.kind === 'reply') return this.replies(channel)
    if (channel.kind === 'signals' && channel.foreign === undefined) return this.#signals(channel, message.type)
    if (!isStored(channel)) return this.core(channel)
    return `${this.prefix}.${base(channel)}.${shardOfMessage(channel, message)}.${typeTokens(message.type)}`
  }

  /** The return address of a durable reply channel. */
  replies(channel: Channel): string {
    return `${this.prefix}.${base(channel)}.0.reply`
  }

  /** Whether a return address is a subject of a stream. */
  isStoredAddress(address: string): boolean {
    return address.startsWith(`${this.prefix}.`) && address.endsWith('+replies.0.reply')
  }

  core(channel: Channel): string {
    return channel.foreign ?? `${this.prefix}.${base(channel)}`
  }

  /** What a group of it, or one instance, listens to. */
  coreSubjects({ channel, types }: Group): readonly string[] {
    if (channel.kind !== 'signals' || channel.foreign !== undefined) return [this.core(channel)]
    return types === undefined ? [this.#signals(channel)] : types.map((type) => this.#signals(channel, type))
  }

  #signals(channel: Channel, type?: string): string {
    return `${this.prefix}.${base(channel)}+signals.${type === undefined ? '>' : typeTokens(type)}`
  }

  sideSubjects(channel: Channel): string {
    return `${this.prefix}.${base(channel)}+side.>`
  }

  retry({ channel, name }: Group): string {
    return `${this.prefix}.${base(channel)}+side.retry.${nameToken(name)}`
  }

  /** The lane of a shard: of one owner by its fencing token, or of all. */
  lane({ channel, name }: Group, shard: number, owner: number | '*'): string {
    return `${this.prefix}.${base(channel)}+side.lane.${nameToken(name)}.${shard}.${owner}`
  }

  /** What came back from the dead letters to a shard of an ordered group, or to any. */
  again({ channel, name }: Group, shard: number | '*'): string {
    return `${this.prefix}.${base(channel)}+side.again.${nameToken(name)}.${shard}`
  }

  deadLetters({ channel, name }: Group): string {
    return `${this.prefix}.${base(channel)}+side.dead.${nameToken(name)}`
  }

  delay(channel: Channel): string {
    return `${this.prefix}.${base(channel)}+side.delay`
  }

  here({ channel, name }: Group): string {
    return `${this.prefix}.${base(channel)}+here.${nameToken(name)}`
  }

  /** The group's consumer on the channel's stream, when it is not ordered. */
  consumer(group: Group): string {
    return nameToken(group.name)
  }

  retryConsumer(group: Group): string {
    return `${nameToken(group.name)}+retry`
  }

  shardConsumer(group: Group, shard: number, token: number): string {
    return `${nameToken(group.name)}+${shard}+${token}`
  }

  laneConsumer(group: Group, shard: number, token: number): string {
    return `${nameToken(group.name)}+lane+${shard}+${token}`
  }

  againConsumer(group: Group, shard: number, token: number): string {
    return `${nameToken(group.name)}+again+${shard}+${token}`
  }

  ownerKey(channel: Channel): string {
    return `owner.${base(channel)}`
  }

  shardsKey(channel: Channel): string {
    return `shards.${base(channel)}`
  }

  orderKey({ channel, name }: Group): string {
    return `order.${base(channel)}.${nameToken(name)}`
  }

  typesKey({ channel, name }: Group): string {
    return `types.${base(channel)}.${nameToken(name)}`
  }

  /** Under which the leases of all ordered groups of the channel are. */
  leasesOf(channel: Channel): string {
    return `lease.${base(channel)}`
  }

  /** Under which the members of an ordered group keep their leases. */
  leases({ channel, name }: Group): string {
    return `${this.leasesOf(channel)}.${nameToken(name)}`
  }
}

export const DELAY_CONSUMER = '+delay'

/** The shard that a stored message's subject names. */
export function shardOfSubject(subject: string, prefix: string): number {
  const at = subject.indexOf('.', prefix.length + 1) + 1
  const shard = Number(subject.slice(at, subject.indexOf('.', at)))
  return Number.isSafeInteger(shard) ? shard : 0
}

export function shardOfMessage(channel: Channel, message: WireMessage): number {
  return message.key === undefined ? 0 : shardOf(message.key, channel.shards)
}

function base(channel: Channel): string {
  return channel.kind === 'reply' ? `${nameToken(channel.name)}+replies` : nameToken(channel.name)
}

/** A type as the end of a subject; what a subject cannot hold is escaped as in a name. */
function typeTokens(type: string): string {
  if (PLAIN_TYPE.test(type)) return type
  return type === '' ? '=' : type.split('.').map((part) => (part === '' ? '=' : nameToken(part))).join('.') // prettier-ignore
}
