import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { StartPosition, SubscriptionSpec } from '../../transport/transport.ts'
import { text, type Connection, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { Fetching } from './fetching.ts'
import { compareIds } from './ids.ts'
import { decodeMessage, fieldsIn } from './message-mapping.ts'
import { shardOfMessage, shardsOf } from './names.ts'

type Entries = readonly (readonly [id: Reply, fields: Reply])[]

/**
 * A reader of streams, of one instance alone, without a group: nothing of it is on the server. One that began in the past goes on
 * behind what it has seen; one that began now begins again now.
 */
export class ReadingSource implements LocalSource {
  readonly address: string | undefined = undefined
  readonly hasGaps: boolean
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #start: StartPosition
  readonly #types: ReadonlySet<string> | undefined
  readonly #shards: readonly number[]
  readonly #streams: readonly string[]
  /** The id up to which each shard has been read. */
  #read = new Map<number, string>()
  /** It has just been laid down where reading begins. */
  #isFresh = false

  constructor(spec: SubscriptionSpec, context: Context) {
    const { group, start = 'now', shards } = spec
    const { channel, types } = group
    this.#spec = spec
    this.#context = context
    this.#start = start
    this.hasGaps = start === 'now'
    this.#types = types === undefined ? undefined : new Set(types)
    this.#shards = shards ?? Array.from({ length: shardsOf(channel) }, (_, shard) => shard)
    this.#streams = this.#shards.map((shard) => context.names.stream(channel, shard))
  }

  attachment(intake: Intake): LocalAttachment {
    const connection = this.#context.connection()
    const fetching = new Fetching(this.#context, connection, intake, (room) => this.#fetch(connection, intake, room))
    return {
      begin: () => this.#begin(intake),
      freed: () => fetching.soon(),
      leave: () => Promise.resolve(),
      end: () => fetching.end(),
    }
  }

  /** Resolves when it is known where reading begins. */
  async #begin(intake: Intake): Promise<void> {
    const { declarer, later } = this.#context
    const { channel } = this.#spec.group
    await declarer.channel(channel)
    if (this.#start === 'now' || this.#read.size === 0) {
      const read = await declarer.readFrom(channel, this.#start, this.#shards)
      if (!intake.isOpen) return
      this.#read = new Map(read)
      this.#isFresh = true
    }
    later.serve(channel)
  }

  /** Shared among the shards; each has at least one, so that none is silent while others are busy. */
  async #fetch(connection: Connection, intake: Intake, room: number): Promise<ReadonlyMap<string, string> | undefined> {
    const each = String(Math.max(1, Math.floor(room / this.#shards.length)))
    const behind = this.#shards.map((shard) => this.#read.get(shard) ?? '0-0')
    const trimmed = this.#shards.map((shard) => `trimmed:${shard}`)
    const [gone, reply] = await Promise.all([
      connection.command('HMGET', this.#context.names.base(this.#spec.group.channel), ...trimmed),
      connection.command('XREAD', 'COUNT', each, 'STREAMS', ...this.#streams, ...behind),
    ])
    if (!intake.isOpen) return undefined
    if (this.#missed((gone as readonly Reply[]).map(text))) intake.gap()
    for (const [stream, entries] of (reply ?? []) as readonly (readonly [Reply, Entries])[])
      this.#take(intake, this.#shards[this.#streams.indexOf(text(stream))] ?? 0, entries)
    if (reply === null) return new Map(this.#streams.map((stream, n) => [stream, behind[n] as string])) // as many
    return undefined
  }

  /** Whether something has gone before it was read; what had gone when reading began was not missed. */
  #missed(last: readonly string[]): boolean {
    let missed = false
    for (const [n, shard] of this.#shards.entries()) {
      const id = last[n] as string // of as many
      if (id === '' || compareIds(id, this.#read.get(shard) ?? '0-0') <= 0) continue
      this.#read.set(shard, id)
      missed = true
    }
    const wasFresh = this.#isFresh
    this.#isFresh = false
    return missed && !wasFresh
  }

  #take(intake: Intake, shard: number, entries: Entries): void {
    const { channel } = this.#spec.group
    for (const [id, fields] of entries) {
      const position = text(id)
      this.#read.set(shard, position)
      const message = decodeMessage(fieldsIn(fields))
      if (this.#types?.has(message.type) === false) continue
      intake.add(message, channel.foreign === undefined ? shard : shardOfMessage(channel, message), position)
    }
  }
}
