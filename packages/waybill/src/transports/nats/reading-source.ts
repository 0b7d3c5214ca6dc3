import type { Msg } from '@nats-io/transport-node'
import { WaybillError } from '../../message/errors.ts'
import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { StartPosition, SubscriptionSpec } from '../../transport/transport.ts'
import { NANOS } from './api.ts'
import { consumerStart, type ConsumerStart } from './consumer-start.ts'
import type { Context } from './context.ts'
import { decodeMessage } from './message-mapping.ts'
import { shardOfMessage, shardOfSubject } from './names.ts'
import { deliveryInfo } from './nats-delivery.ts'
import { Puller } from './puller.ts'
import type { Wire } from './wire.ts'

/** The server forgets the consumer of a reader that has not asked for so long. */
const FORGOTTEN_AFTER_MS = 60_000
/** In place of a shard, where a consumer has all of them. */
const ALL = -1

/** How far each consumer has been read: its sequence, by its shard, or ALL. */
type Seen = Map<number, number>

/**
 * A reader of an event stream, of one instance alone: a consumer of its own, in the server's memory, without
 * acknowledgement. One that began in the past goes on behind what it has seen; one that began now begins again now.
 */
export class ReadingSource implements LocalSource {
  readonly address: string | undefined = undefined
  readonly hasGaps: boolean
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #seen: Seen = new Map()

  constructor(spec: SubscriptionSpec, context: Context) {
    this.#spec = spec
    this.#context = context
    this.hasGaps = spec.start === undefined || spec.start === 'now'
  }

  attachment(intake: Intake): LocalAttachment {
    return new ReadingAttachment(this.#spec, this.#context, this.#seen, intake)
  }
}

class ReadingAttachment implements LocalAttachment {
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #seen: Seen
  readonly #intake: Intake
  readonly #wire: Wire
  readonly #types: ReadonlySet<string> | undefined
  readonly #start: StartPosition
  /** One, or one for each shard that was named. */
  readonly #pullers: Puller[] = []

  constructor(spec: SubscriptionSpec, context: Context, seen: Seen, intake: Intake) {
    const { group, start = 'now' } = spec
    this.#spec = spec
    this.#context = context
    this.#seen = seen
    this.#intake = intake
    this.#wire = context.wire()
    this.#types = group.types === undefined ? undefined : new Set(group.types)
    this.#start = start
  }

  /** Resolves when the server has its consumers. */
  async begin(): Promise<void> {
    const { declarer, names, runtime } = this.#context
    const { group, shards = [ALL] } = this.#spec
    await declarer.channel(group.channel)
    const { stream, filter } =
      group.channel.foreign === undefined
        ? { stream: names.stream(group.channel), filter: undefined }
        : await declarer.source(group).then(({ source }) => source)
    const [only] = this.#types?.size === 1 ? this.#types : []
    const filterOf = (shard: number): string | undefined =>
      filter ??
      (shard === ALL && only === undefined ? undefined : names.filter(group.channel, shard === ALL ? '*' : shard, only))
    const made = await Promise.allSettled(
      shards.map(async (shard) => {
        const from = await this.#from(stream, shard)
        const consumer = await this.#consumer(stream, filterOf(shard), from)
        this.#pullers.push(
          new Puller(this.#wire.connection, this.#wire.newInbox(), { stream, consumer }, runtime, {
            message: (message) => this.#heard(message, shard),
            freed: () => this.freed(),
            lost: (error) => this.#intake.lost(error),
          }),
        )
      }),
    )
    for (const each of made) if (each.status === 'rejected') throw each.reason
  }

  freed(): void {
    const room = this.#intake.room()
    if (room === 0) return
    // Shared among them; each has at least one, so that none is silent while others are busy.
    const each = Math.max(1, Math.floor(room / this.#pullers.length))
    for (const puller of this.#pullers)
      if (puller.asked === 0 || (each - puller.asked) * 2 >= each) puller.pull(each - puller.asked)
  }

  /** The server forgets them by itself, should this fail. */
  async leave(): Promise<void> {
    const { api } = this.#wire
    for (const puller of this.#pullers) puller.end()
    await Promise.all(this.#pullers.map(({ target }) => api.deleteConsumer(target.stream, target.consumer)))
  }

  end(): void {
    for (const puller of this.#pullers) puller.end()
  }

  async #from(name: string, shard: number): Promise<ConsumerStart> {
    const stream = await this.#wire.api.stream(name)
    if (stream === undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `stream ${name} does not exist`)
    const seen = this.#seen.get(shard)
    if (this.#start !== 'now' && seen !== undefined && seen <= stream.state.last_seq) {
      if (seen + 1 < stream.state.first_seq) this.#intake.gap()
      return { deliver_policy: 'by_start_sequence', opt_start_seq: seen + 1 }
    }
    return consumerStart(this.#start, shard === ALL ? undefined : shard, stream)
  }

  async #consumer(stream: string, filter: string | undefined, start: ConsumerStart): Promise<string> {
    const name = `reader+${this.#context.runtime.newId()}`
    await this.#wire.api.createConsumer(stream, {
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

  #heard(message: Msg, of: number): void {
    // What is not taken in is not passed by: it is read again.
    if (!this.#intake.isOpen) return
    const { channel } = this.#spec.group
    const { streamSequence } = deliveryInfo(message.reply ?? '')
    this.#seen.set(of, streamSequence)
    const decoded = decodeMessage(message.headers, message.data)
    if (this.#types?.has(decoded.type) === false) return this.freed()
    const shard =
      channel.foreign === undefined
        ? shardOfSubject(message.subject, this.#context.names.prefix)
        : shardOfMessage(channel, decoded)
    // One consumer of all shards begins behind the oldest of their positions.
    if (of === ALL && streamSequence <= this.#positionOf(shard)) return this.freed()
    this.#intake.add(decoded, shard, String(streamSequence))
  }

  #positionOf(shard: number): number {
    return typeof this.#start === 'object' && 'positions' in this.#start ? Number(this.#start.positions[shard] ?? 0) : 0
  }
}
