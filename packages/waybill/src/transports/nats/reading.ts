import type { Msg } from '@nats-io/transport-node'
import { WaybillError } from '../../message/errors.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, StartPosition, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import { NANOS } from './api.ts'
import { consumerStart, type ConsumerStart } from './consumer-start.ts'
import type { Context } from './context.ts'
import { LocalDelivery } from '../../transport/lives-delivery.ts'
import { LocalQueue } from '../../transport/lives-queue.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { decodeMessage } from './message-mapping.ts'
import { shardOfMessage, shardOfSubject } from './names.ts'
import { deliveryInfo } from './nats-delivery.ts'
import { Puller } from './puller.ts'
import type { Wire } from './wire.ts'

/** The server forgets the consumer of a reader that has not asked for so long. */
const FORGOTTEN_AFTER_MS = 60_000
/** In place of a shard, where a consumer has all of them. */
const ALL = -1

interface Attachment {
  readonly wire: Wire
  readonly stream: string
  /** One, or one for each shard that was named. */
  readonly pullers: readonly { readonly puller: Puller; readonly consumer: string }[]
}

/**
 * A reader of an event stream, of one instance alone: a consumer of its own, in the server's memory, without
 * acknowledgement. One that began in the past goes on behind what it has seen; one that began now begins again now.
 */
export class Reading implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  readonly #types: ReadonlySet<string> | undefined
  /** The sequence up to which each consumer has been read, by its shard, or ALL. */
  readonly #seen = new Map<number, number>()
  #attachment: Attachment | undefined
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#types = spec.group.types === undefined ? undefined : new Set(spec.group.types)
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => this.#ask(),
      // Nothing is left behind: its owner knows that it failed.
      rejected: () => undefined,
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.#attach())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the server has its consumer. */
  async start(): Promise<void> {
    await this.#attach()
  }

  settle(batch: readonly Settlement[]): void {
    this.#queue.settle(batch)
  }

  flow(prefetch: number): void {
    this.#queue.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#detach()
    this.#takeUp.linkDown()
    this.#lost(error)
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    this.#queue.shut()
    const attachment = this.#attachment
    for (const { puller } of attachment?.pullers ?? []) puller.end()
    await this.#queue.idle.wait(deadlineMs)
    this.#detach()
    if (attachment !== undefined && !attachment.wire.connection.isClosed()) {
      const { api } = attachment.wire
      // The server forgets them by itself, should this fail.
      await Promise.allSettled(
        attachment.pullers.map(({ consumer }) => api.deleteConsumer(attachment.stream, consumer)),
      )
    }
    this.#onClosed()
  }

  async #attach(): Promise<void> {
    const { declarer, names, runtime } = this.#context
    const { group, shards } = this.#spec
    const wire = this.#context.wire()
    await declarer.channel(group.channel)
    const { stream, filter } =
      group.channel.foreign === undefined
        ? { stream: names.stream(group.channel), filter: undefined }
        : await declarer.source(group).then(({ source }) => source)
    this.#queue.reset()
    const { life } = this.#queue
    const [only] = this.#types?.size === 1 ? this.#types : []
    const filterOf = (shard: number): string | undefined =>
      filter ??
      (shard === ALL && only === undefined ? undefined : names.filter(group.channel, shard === ALL ? '*' : shard, only))
    const pullers = await Promise.all(
      (shards ?? [ALL]).map(async (shard) => {
        const from = await this.#from(wire, stream, shard)
        const consumer = await this.#consumer(wire, stream, filterOf(shard), from)
        const puller = new Puller(wire.connection, wire.newInbox(), { stream, consumer }, runtime, {
          message: (message) => this.#heard(message, shard, life),
          freed: () => this.#ask(),
          lost: (error) => this.#vanished(error, life),
        })
        return { puller, consumer }
      }),
    )
    if (life !== this.#queue.life) return pullers.forEach(({ puller }) => puller.end())
    this.#attachment = { wire, stream, pullers }
    this.#ask()
    await wire.connection.flush()
    if (life === this.#queue.life) this.#since = runtime.now()
  }

  async #from(wire: Wire, name: string, shard: number): Promise<ConsumerStart> {
    const stream = await wire.api.stream(name)
    if (stream === undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `stream ${name} does not exist`)
    const start: StartPosition = this.#spec.start ?? 'now'
    const seen = this.#seen.get(shard)
    if (start !== 'now' && seen !== undefined && seen <= stream.state.last_seq) {
      if (seen + 1 < stream.state.first_seq) this.#gap()
      return { deliver_policy: 'by_start_sequence', opt_start_seq: seen + 1 }
    }
    return consumerStart(start, shard === ALL ? undefined : shard, stream)
  }

  async #consumer(wire: Wire, stream: string, filter: string | undefined, start: ConsumerStart): Promise<string> {
    const name = `reader+${this.#context.runtime.newId()}`
    await wire.api.createConsumer(stream, {
      name,
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: FORGOTTEN_AFTER_MS * NANOS,
      ...(filter === undefined ? {} : { filter_subject: filter }),
      ...start,
    })
    return name
  }

  #detach(): void {
    this.#since = undefined
    const attachment = this.#attachment
    this.#attachment = undefined
    for (const { puller } of attachment?.pullers ?? []) puller.end()
    // What has not been settled comes again to who goes on behind it.
    for (const { shard, position } of this.#queue.reset()) {
      const of = this.#spec.shards === undefined ? ALL : shard
      this.#seen.set(of, Math.min(this.#seen.get(of) ?? Infinity, Number(position) - 1))
    }
  }

  #vanished(error: Error, life: number): void {
    if (life !== this.#queue.life || this.#closing !== undefined) return
    this.#detach()
    this.#lost(error)
    this.#takeUp.begin()
  }

  #lost(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    // Who began in the past goes on behind what it has read.
    if (this.#spec.start === undefined || this.#spec.start === 'now') this.#gap()
  }

  #gap(): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #ask(): void {
    if (this.#attachment === undefined || this.#closing !== undefined) return
    const { pullers } = this.#attachment
    // Shared among them; each has at least one, so that none is silent while others are busy.
    const each = Math.max(1, Math.floor(this.#queue.room / pullers.length))
    if (this.#queue.room === 0) return
    for (const { puller } of pullers)
      if (puller.asked === 0 || (each - puller.asked) * 2 >= each) puller.pull(each - puller.asked)
  }

  #heard(message: Msg, of: number, life: number): void {
    if (life !== this.#queue.life) return
    const { channel } = this.#spec.group
    const { streamSequence } = deliveryInfo(message.reply ?? '')
    this.#seen.set(of, streamSequence)
    const decoded = decodeMessage(message.headers, message.data)
    if (this.#types?.has(decoded.type) === false) return this.#ask()
    const shard =
      channel.foreign === undefined
        ? shardOfSubject(message.subject, this.#context.names.prefix)
        : shardOfMessage(channel, decoded)
    // One consumer of all shards begins behind the oldest of their positions.
    if (of === ALL && streamSequence <= this.#positionOf(shard)) return this.#ask()
    this.#queue.add(new LocalDelivery(decoded, shard, life, String(streamSequence)))
  }

  #positionOf(shard: number): number {
    const { start } = this.#spec
    return typeof start === 'object' && 'positions' in start ? Number(start.positions[shard] ?? 0) : 0
  }
}
