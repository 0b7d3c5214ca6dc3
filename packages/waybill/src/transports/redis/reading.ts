import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import { text, type Connection, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { LocalDelivery } from '../../transport/local-delivery.ts'
import { LocalQueue } from '../../transport/local-queue.ts'
import { compareIds, idBefore } from './ids.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { decodeMessage, fieldsIn } from './message-mapping.ts'
import { shardOfMessage, shardsOf } from './names.ts'

type Entries = readonly (readonly [id: Reply, fields: Reply])[]

/**
 * A reader of streams, of one instance alone, without a group: nothing of it is on the server. One that began in the past goes on
 * behind what it has seen; one that began now begins again now.
 */
export class Reading implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  readonly #types: ReadonlySet<string> | undefined
  readonly #shards: readonly number[]
  /** The id up to which each shard has been read. */
  #read = new Map<number, string>()
  /** It has just been laid down where reading begins. */
  #isFresh = false
  #connection: Connection | undefined
  #fetching = false
  #watching = false
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    const { channel, types } = spec.group
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#types = types === undefined ? undefined : new Set(types)
    this.#shards = spec.shards ?? Array.from({ length: shardsOf(channel) }, (_, shard) => shard)
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => this.#fetch(),
      // Nothing is left behind: its owner knows that it failed.
      rejected: () => undefined,
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when it is known where reading begins. */
  async start(): Promise<void> {
    const { declarer, later, runtime } = this.#context
    const { group, start = 'now' } = this.#spec
    const connection = this.#context.connection()
    await declarer.channel(group.channel)
    this.#queue.reset()
    const { life } = this.#queue
    if (start === 'now' || this.#read.size === 0) {
      this.#read = new Map(await declarer.readFrom(group.channel, start, this.#shards))
      this.#isFresh = true
    }
    if (life !== this.#queue.life || this.#closing !== undefined) return
    this.#connection = connection
    this.#since = runtime.now()
    later.serve(group.channel)
    this.#fetch()
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
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    if ((this.#spec.start ?? 'now') === 'now') this.#gap()
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
    await this.#queue.idle.wait(deadlineMs)
    this.#detach()
    this.#onClosed()
  }

  #detach(): void {
    this.#since = undefined
    this.#connection = undefined
    this.#watching = false
    this.#context.bell.unwatch(this)
    // What has not been settled comes again to who goes on behind it.
    for (const { shard, position = '0-0' } of this.#queue.reset()) {
      const read = this.#read.get(shard)
      const before = idBefore(position)
      if (read !== undefined && compareIds(before, read) < 0) this.#read.set(shard, before)
    }
  }

  #gap(): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #fetch(): void {
    const connection = this.#connection
    if (connection === undefined || this.#fetching || this.#watching || this.#closing !== undefined) return
    const { room } = this.#queue
    if (connection.isClosed || room <= 0) return
    this.#fetching = true
    void this.#fetchFrom(connection, room)
      .catch((error: unknown) => this.#failed(connection, asError(error)))
      .finally(() => {
        this.#fetching = false
        this.#fetch()
      })
  }

  /** Shared among the shards; each has at least one, so that none is silent while others are busy. */
  async #fetchFrom(connection: Connection, room: number): Promise<void> {
    const { names } = this.#context
    const { channel } = this.#spec.group
    const { life } = this.#queue
    const each = String(Math.max(1, Math.floor(room / this.#shards.length)))
    const streams = this.#shards.map((shard) => names.stream(channel, shard))
    const behind = this.#shards.map((shard) => this.#read.get(shard) ?? '0-0')
    const trimmed = this.#shards.map((shard) => `trimmed:${shard}`)
    const [gone, reply] = await Promise.all([
      connection.command('HMGET', names.base(channel), ...trimmed),
      connection.command('XREAD', 'COUNT', each, 'STREAMS', ...streams, ...behind),
    ])
    if (life !== this.#queue.life || connection !== this.#connection) return
    this.#trimmed((gone as readonly Reply[]).map(text))
    for (const [stream, entries] of (reply ?? []) as readonly (readonly [Reply, Entries])[])
      this.#hand(this.#shards[streams.indexOf(text(stream))] ?? 0, entries)
    if (reply === null) this.#watch(new Map(streams.map((stream, n) => [stream, behind[n] as string]))) // as many
  }

  /** What has gone before it was read is a gap; but not what had gone when reading began. */
  #trimmed(last: readonly string[]): void {
    let missed = false
    for (const [n, shard] of this.#shards.entries()) {
      const id = last[n] as string // of as many
      if (id === '' || compareIds(id, this.#read.get(shard) ?? '0-0') <= 0) continue
      this.#read.set(shard, id)
      missed = true
    }
    if (missed && !this.#isFresh) this.#gap()
    this.#isFresh = false
  }

  #hand(shard: number, entries: Entries): void {
    const { channel } = this.#spec.group
    for (const [id, fields] of entries) {
      const position = text(id)
      this.#read.set(shard, position)
      const message = decodeMessage(fieldsIn(fields))
      if (this.#types?.has(message.type) === false) continue
      const of = channel.foreign === undefined ? shard : shardOfMessage(channel, message)
      this.#queue.add(new LocalDelivery(message, of, this.#queue.life, position))
    }
  }

  #watch(streams: ReadonlyMap<string, string>): void {
    this.#watching = true
    this.#context.bell.watch(this, streams, () => {
      this.#watching = false
      this.#fetch()
    })
  }

  #failed(connection: Connection, error: Error): void {
    // A link that is down says so itself.
    if (connection !== this.#connection || connection.isClosed) return
    if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) this.#context.emit({ type: 'error', error })
    this.linkDown(error)
    this.#takeUp.begin()
  }
}
