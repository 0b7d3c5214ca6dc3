import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Group, StartPosition } from '../../transport/transport.ts'
import { NANOS } from './api.ts'
import { Claims } from './claims.ts'
import { consumerStart, type ConsumerStart } from './consumer-start.ts'
import { foreignEntity } from './foreign.ts'
import { isOrdered, isStored, type Names } from './names.ts'
import type { Settings } from './settings.ts'
import type { Progress } from './progress.ts'
import { TypeClaims } from './type-claims.ts'
import type { Wire } from './wire.ts'

/** Of consumers that are deleted when their owner has gone: longer than any handler runs. */
const OWNED_ACK_WAIT_MS = 30 * 86_400_000

/** In which a stream that is deleted, and its folder, are gone. */
const GONE_WITHIN_MS = 1_000

/** The owner that nobody is: consumers that stand for a group's start until a shard has its first owner. */
export const NO_OWNER = 0

/** The stream and subjects of a channel, and the group's consumer filter on it. */
export interface Source {
  readonly stream: string
  /** `undefined`: all of the stream's. */
  readonly filter: string | undefined
}

/** Makes entities exist. Channels that sends rely on are remembered, so that only the first send to one waits. */
export class Declarer {
  readonly #wire: () => Wire
  readonly #names: Names
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #known = new Map<string, Channel>()
  /** Names of channels whose streams have been there. */
  readonly #made = new Set<string>()
  readonly #claims: Claims
  readonly types: TypeClaims

  constructor(wire: () => Wire, names: Names, settings: Settings, runtime: Runtime) {
    this.#wire = wire
    this.#names = names
    this.#settings = settings
    this.#runtime = runtime
    this.#claims = new Claims(wire, names)
    this.types = new TypeClaims(wire, names, runtime)
  }

  /** What a sender needs: the stream. Senders of commands declare it, too, so that they may be sent before their service has ever run. */
  async channel(channel: Channel): Promise<void> {
    if (!isStored(channel) || channel.foreign !== undefined) return
    const sharded = channel.kind !== 'reply'
    if (sharded) await this.#claims.shards(channel)
    const config = this.#streamOf(channel)
    await this.#gone(config.name)
    await this.#wire().api.ensureStream(config)
    this.#made.add(config.name)
    this.#known.set(channel.name, channel)
  }

  /**
   * A stream that is being deleted goes in parts, its folder last: on 2.9.10, one of the same name that is made meanwhile
   * loses its files to that. So one that has vanished is given time.
   */
  async #gone(name: string): Promise<void> {
    if (!this.#made.has(name) || (await this.#wire().api.stream(name)) !== undefined) return
    await new Promise<void>((resolve) => void this.#runtime.setTimer(GONE_WITHIN_MS, resolve))
  }

  /**
   * @param start of a group that is new
   * @param settledTo of one that is not ordered and was there: where it goes on, should its consumer have been deleted
   * @throws {WaybillError} WAYBILL_COMMAND_CLAIMED, WAYBILL_TOPOLOGY_CONFLICT, WAYBILL_POSITION_GONE
   */
  async group(group: Group, start: StartPosition = 'now', settledTo?: Progress): Promise<void> {
    await this.#claims.owner(group)
    await this.channel(group.channel)
    if (!isStored(group.channel)) return
    const { source } = await this.source(group)
    await this.#claims.order(group)
    await this.side(group.channel)
    await this.#wire().api.createConsumer(this.#names.side(group.channel), this.#retryConsumer(group))
    if (isOrdered(group)) return await this.#shardConsumers(group, source.stream, start)
    await this.#consumer(group, source, start, settledTo)
  }

  /** The stream of retries, lanes, dead letters and delays. */
  async side(channel: Channel): Promise<void> {
    const name = this.#names.side(channel)
    await this.#gone(name)
    await this.#wire().api.ensureStream(this.#config(name, [this.#names.sideSubjects(channel)], 'workqueue'))
    this.#made.add(name)
  }

  /** Where a group reads, by the types that it has asked for anywhere. */
  async source(group: Group): Promise<{ readonly source: Source; readonly types: ReadonlySet<string> | undefined }> {
    const { channel } = group
    if (channel.foreign !== undefined)
      return { source: await foreignEntity(this.#wire().api, channel.foreign), types: undefined }
    const types = await this.types.claim(group)
    const stream = this.#names.stream(channel)
    // Older servers filter by one subject; where there are more, the subscription looks at the types itself.
    const [only] = types?.size === 1 ? types : []
    return {
      source: { stream, filter: only === undefined ? undefined : this.#names.filter(channel, '*', only) },
      types,
    }
  }

  /** Whether it may be published to at once. */
  isReady(channel: Channel): boolean {
    return channel.kind !== 'events' || channel.foreign !== undefined || this.#known.has(channel.name)
  }

  /** After this, an event has a stream to go to. A command's is left to who declares it: nobody may be there. */
  async ready(channel: Channel): Promise<void> {
    if (!this.isReady(channel)) await this.channel(channel)
  }

  /** Channels of events that are in use here. */
  eventChannels(): readonly Channel[] {
    return [...this.#known.values()].filter(({ kind }) => kind === 'events')
  }

  /** It was not there after all. */
  forget(channel: Channel): void {
    this.#known.delete(channel.name)
  }

  /** After a reconnect: the server may have been replaced, or a stream deleted. */
  async again(): Promise<void> {
    const channels = [...this.#known.values()]
    this.#known.clear()
    await Promise.all(channels.map((channel) => this.channel(channel)))
  }

  /** The config of a consumer that hands messages to members who settle each. */
  consumerConfig(name: string, filter: string | undefined, start: ConsumerStart): Partial<ConsumerConfig> {
    return {
      durable_name: name,
      ack_policy: 'explicit',
      ack_wait: this.#settings.ackWaitMs * NANOS,
      // Retries are ours, and so is what counts as poison. What is unsettled is bounded by what members ask for.
      max_deliver: -1,
      max_ack_pending: -1,
      ...(filter === undefined ? {} : { filter_subject: filter }),
      deliver_policy: 'all',
      ...start,
    }
  }

  /** The config of a consumer that one owner of a shard has for itself: it is deleted with its ownership, and so never waits. */
  ownedConsumer(name: string, filter: string, start: ConsumerStart): Partial<ConsumerConfig> {
    return { ...this.consumerConfig(name, filter, start), ack_wait: OWNED_ACK_WAIT_MS * NANOS }
  }

  #retryConsumer(group: Group): Partial<ConsumerConfig> {
    return this.consumerConfig(this.#names.retryConsumer(group), this.#names.retry(group), { deliver_policy: 'all' })
  }

  async #consumer(group: Group, source: Source, start: StartPosition, settledTo: Progress | undefined): Promise<void> {
    const { api } = this.#wire()
    const name = this.consumerName(group)
    const there = await api.consumer(source.stream, name)
    if (there === undefined) {
      const from = await this.#startOn(source.stream, start, undefined, settledTo)
      await api.createConsumer(source.stream, this.consumerConfig(name, source.filter, from))
    } else if (there.config.filter_subject !== source.filter && group.channel.foreign === undefined) {
      // Another type was asked for since: none of them may be missed from now on.
      await api.setFilter(source.stream, name, source.filter ?? this.#names.filter(group.channel))
    }
  }

  /** Of a group that is not ordered. */
  consumerName(group: Group): string {
    // On a stream of ordinary clients, among consumers of theirs.
    const name = this.#names.consumer(group)
    return group.channel.foreign === undefined ? name : `${this.#names.prefix}-${name}`
  }

  /** A group's start is persisted by consumers that nobody reads; each shard's first owner goes on from there. */
  async #shardConsumers(group: Group, stream: string, start: StartPosition): Promise<void> {
    const { api } = this.#wire()
    const registry = await this.#wire().registry()
    const shards = Array.from({ length: group.channel.shards }, (_, shard) => shard)
    await Promise.all(
      shards.map(async (shard) => {
        if ((await registry.get(`${this.#names.leases(group)}.shard.${shard}`)) !== undefined) return
        const name = this.#names.shardConsumer(group, shard, NO_OWNER)
        if ((await api.consumer(stream, name)) !== undefined) return
        const from = await this.#startOn(stream, start, shard)
        await api.createConsumer(stream, this.consumerConfig(name, this.#names.filter(group.channel, shard), from))
      }),
    )
  }

  async #startOn(
    name: string,
    start: StartPosition,
    shard: number | undefined,
    settledTo?: Progress,
  ): Promise<ConsumerStart> {
    const stream = await this.#wire().api.stream(name)
    if (stream === undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `stream ${name} does not exist`)
    // Of a work queue, every message is for its one group.
    if (stream.config.retention === 'workqueue') return { deliver_policy: 'all' }
    if (settledTo === undefined) return consumerStart(start, shard, stream)
    // Of a stream that is new as well, all is unread.
    if (settledTo.of !== stream.created) return { deliver_policy: 'all' }
    return { deliver_policy: 'by_start_sequence', opt_start_seq: settledTo.sequence + 1 }
  }

  #streamOf(channel: Channel): Partial<StreamConfig> & { readonly name: string } {
    const events = channel.kind === 'events'
    return this.#config(this.#names.stream(channel), [this.#names.filter(channel)], events ? 'limits' : 'workqueue')
  }

  #config(
    name: string,
    subjects: string[],
    retention: StreamConfig['retention'],
  ): Partial<StreamConfig> & { readonly name: string } {
    const { replicas, maxStreamBytes } = this.#settings
    return {
      name,
      subjects,
      retention,
      storage: 'file',
      // Full, it refuses what is new: what is old may not have been read.
      discard: 'new',
      num_replicas: replicas,
      allow_direct: true,
      ...(maxStreamBytes === undefined ? {} : { max_bytes: maxStreamBytes }),
    }
  }
}
