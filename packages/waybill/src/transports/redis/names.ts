// What exists on the server for each channel and group. An operator meets these keys in `redis-cli --scan`. <p> is the prefix,
// `waybill` unless told otherwise; <c> and <g> are the names of channel and group. What stands in braces decides the slot in
// a cluster: all keys of one channel are together.
//
//   for                            key                              type
//   channel `orders`               <p>:{<c>}                        hash: shards, owner, and per group order, types, progress
//     its shards                   <p>:{<c>}:<shard>                stream; each group is a consumer group of it
//     what is to wait              <p>:{<c>}:later                  sorted set, by when it is due
//     wakes who listens            <p>:{<c>}:bell                   stream of one entry
//   its group `shipping`
//     who is a member              <p>:{<c>}:<g>:members            sorted set, by until when each counts
//     retries                      <p>:{<c>}:<g>:retry              stream
//     ordered: retry lane          <p>:{<c>}:<g>:lane:<shard>       stream
//     ordered: back from the dead  <p>:{<c>}:<g>:again:<shard>      stream
//     ordered: owners, tokens      <p>:{<c>}:<g>:owners             hash
//     dead letters                 <p>:{<c>}:<g>:dead               stream
//   replies to service `s`         <p>:{<s>+replies}                as a command's channel
//   replies to one process         <p>:{<s>+replies}:here:<id>      stream that expires with the process
//   signals `prices`               <p>:signals:<c>:<type>           a Pub/Sub channel for each type
//   foreign channel                the stream of this name, the rest under <p>:+foreign:{<name>}; of signals
//                                  the Pub/Sub channel of this name
import { shardOf } from '../../message/shard.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import type { Channels } from './subscriber.ts'

/** Order is kept: asked for, or laid down by a command's shards. */
export function isOrdered(group: Group): boolean {
  return group.ordered || (hasOneRecipient(group.channel.kind) && group.channel.shards > 1)
}

/** Its messages are for one group alone, which removes what it has settled. A foreign stream is its owner's to trim. */
export function isGroupsAlone(channel: Channel): boolean {
  return channel.foreign === undefined && (hasOneRecipient(channel.kind) || channel.kind === 'reply')
}

/** Shards as the streams have them: replies are never spread, and a foreign stream is one. */
export function shardsOf(channel: Channel): number {
  return channel.foreign !== undefined || channel.kind === 'reply' ? 1 : channel.shards
}

export function shardOfMessage(channel: Channel, message: WireMessage): number {
  return message.key === undefined ? 0 : shardOf(message.key, shardsOf(channel))
}

export class Names {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** The channel's own key, with which all others of it begin. */
  base({ kind, name, foreign }: Channel): string {
    if (foreign !== undefined) {
      // In the slot of the stream, which may name one itself.
      const tag = /\{([^}]+)\}/.exec(foreign)?.[1]
      return tag === undefined ? `${this.prefix}:+foreign:{${foreign}}` : `${this.prefix}:+foreign:{${tag}}:${foreign}`
    }
    return kind === 'reply' ? `${this.prefix}:{${name}+replies}` : `${this.prefix}:{${name}}`
  }

  stream(channel: Channel, shard: number): string {
    return channel.foreign ?? `${this.base(channel)}:${shard}`
  }

  /** What a group reads: its retries, then the shards. */
  streams({ channel, name }: Group): readonly string[] {
    const shards = Array.from({ length: shardsOf(channel) }, (_, shard) => this.stream(channel, shard))
    return [`${this.base(channel)}:${name}:retry`, ...shards]
  }

  /** Where a signal is published. */
  signals({ name, foreign }: Channel, type: string): string {
    return foreign ?? `${this.prefix}:signals:${name}:${type}`
  }

  /** What hears the signals of a group; names of channels have nothing in them that a pattern would read. */
  signalsTo({ channel, types }: Group): Channels {
    if (channel.foreign !== undefined || types !== undefined)
      return (types ?? ['']).map((type) => this.signals(channel, type))
    return { pattern: this.signals(channel, '*') }
  }

  bell(channel: Channel): string {
    return `${this.base(channel)}:bell`
  }

  deadLetters({ channel, name }: Group): string {
    return `${this.base(channel)}:${name}:dead`
  }

  /** What came back from the dead letters to a shard of an ordered group. */
  again(group: Group, shard: number): string {
    return `${this.base(group.channel)}:${group.name}:again:${shard}`
  }

  /** The return address of one process. */
  here(channel: Channel, id: string): string {
    return `${this.base(channel)}:here:${id}`
  }

  /** Whether a return address is one process's; else it is a channel's base. */
  isHere(address: string): boolean {
    return address.includes('+replies}:here:')
  }

  /** Addresses come with messages: nothing else may be written to. */
  isAddress(address: string): boolean {
    return address.startsWith(`${this.prefix}:{`) && (address.endsWith('+replies}') || this.isHere(address))
  }
}
