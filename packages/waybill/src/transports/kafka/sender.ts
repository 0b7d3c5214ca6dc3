import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import { shardOf } from '../../message/shard.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Outgoing, SendResult } from '../../transport/transport.ts'
import { MAX_MESSAGE_BYTES, type Declarer } from './declarer.ts'
import type { KafkaLink } from './kafka-link.ts'
import { waiting } from './later-message.ts'
import { sizeOf, toRecord } from './record-mapping.ts'
import { destinationOf, type Destination } from './return-address.ts'
import { laterTopic, topicOf } from './topic-names.ts'

const ACCEPTED: SendResult = { outcome: 'accepted' }
const FULL = new WaybillError('WAYBILL_BACKPRESSURE', 'more is handed over than Kafka takes')
/** A year: whoever waits longer wants a calendar. */
export const MAX_DELAY_MS: number = 365 * 24 * 60 * 60_000

/** Hands a batch to the producer, in order, and answers each entry. */
export class Sender {
  readonly #link: () => KafkaLink
  readonly #declarer: Declarer
  readonly #runtime: Runtime
  /** Ends when the batches that wait for a topic have gone out. */
  #turn: Promise<void> | undefined
  /** For records without a key, to topics of ordinary clients. */
  #round = 0

  constructor(link: () => KafkaLink, declarer: Declarer, runtime: Runtime) {
    this.#link = link
    this.#declarer = declarer
    this.#runtime = runtime
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const release = this.#runtime.hold('sending')
    try {
      const link = this.#up()
      if (link instanceof Error) return batch.map(() => ({ outcome: 'refused', error: link }))
      if (this.#turn === undefined && batch.every((outgoing) => this.#isReady(outgoing, link)))
        return await this.#produce(batch, link, new Map())
      const { results } = await this.#inTurn(batch, link)
      return await results
    } finally {
      release()
    }
  }

  #up(): KafkaLink | Error {
    try {
      return this.#link()
    } catch (error) {
      return asError(error)
    }
  }

  #isReady({ to, delayMs = 0 }: Outgoing, { session }: KafkaLink): boolean {
    if (to.kind === 'address') return session.knownTopic(destinationOf(to.address)?.topic ?? '') !== undefined
    if (delayMs > 0 && session.knownTopic(laterTopic(to).name) === undefined) return false
    const known = session.knownTopic(topicOf(to))
    return known !== undefined && (to.foreign !== undefined || known.leaders.length === to.shards)
  }

  /** Only a channel's first message has to wait, but nothing handed over after it may overtake it. */
  async #inTurn(batch: readonly Outgoing[], link: KafkaLink): Promise<{ results: Promise<readonly SendResult[]> }> {
    const before = this.#turn ?? Promise.resolve()
    let results: Promise<readonly SendResult[]> = Promise.resolve([])
    const turn = before.then(async () => {
      const failures = new Map<Outgoing['to'], Error>()
      for (const { to, delayMs = 0 } of batch) {
        if (failures.has(to)) continue
        await this.#prepare(to, delayMs > 0, link).catch((error: unknown) => failures.set(to, asError(error)))
      }
      results = this.#produce(batch, link, failures)
    })
    this.#turn = turn
    await turn
    if (this.#turn === turn) this.#turn = undefined
    return { results }
  }

  async #prepare(to: Outgoing['to'], isDelayed: boolean, { session }: KafkaLink): Promise<void> {
    if (to.kind === 'address') return void (await session.topic(destinationOf(to.address)?.topic ?? ''))
    await this.#declarer.ready(to)
    if (isDelayed && canWait(to)) await session.topic(laterTopic(to).name)
  }

  async #produce(
    batch: readonly Outgoing[],
    link: KafkaLink,
    failures: ReadonlyMap<Outgoing['to'], Error>,
  ): Promise<readonly SendResult[]> {
    const results: SendResult[] = []
    const full = link.producer.hasRoom ? undefined : FULL
    await new Promise<void>((resolve) => {
      let open = batch.length
      const answer = (n: number, result: SendResult): void => {
        results[n] = result
        if (--open === 0) resolve()
      }
      if (open === 0) resolve()
      batch.forEach((outgoing, n) => {
        const fault = link.session.fault ?? failures.get(outgoing.to) ?? full
        const placed = fault ?? this.#place(outgoing, link)
        if (placed instanceof Error) return answer(n, { outcome: 'refused', error: placed })
        const record = toRecord(placed.message)
        link.producer.produce(placed.topic, placed.partition, record, sizeOf(record), (result) =>
          answer(n, result.outcome === 'accepted' ? ACCEPTED : result),
        )
      })
    })
    return results
  }

  /** The partition, and the message as it lies there; or why it is not sent. */
  #place(outgoing: Outgoing, link: KafkaLink): (Destination & { readonly message: WireMessage }) | WaybillError {
    const { message, to, delayMs = 0 } = outgoing
    const now = this.#runtime.now()
    const what = `${message.kind} ${message.type} (id ${message.id})`
    if (message.expiresAt !== undefined && message.expiresAt <= now)
      return new WaybillError('WAYBILL_EXPIRED', `${what} had expired before it was sent`)
    if (message.body.byteLength > MAX_MESSAGE_BYTES)
      return new WaybillError(
        'WAYBILL_TOO_LARGE',
        `the body of ${what} has ${message.body.byteLength} bytes; at most ${MAX_MESSAGE_BYTES}`,
      )
    if (to.kind === 'address') {
      const destination = destinationOf(to.address)
      const partitions = link.session.knownTopic(destination?.topic ?? '')?.leaders.length ?? 0
      if (destination === undefined || destination.partition >= partitions)
        return new WaybillError('WAYBILL_UNROUTABLE', `nobody can receive ${what} at ${to.address}`)
      const { headers } = destination
      return {
        ...destination,
        message: headers === undefined ? message : { ...message, headers: { ...message.headers, ...headers } },
      }
    }
    const topic = topicOf(to)
    const partitions = link.session.knownTopic(topic)?.leaders.length
    if (partitions === undefined)
      return new WaybillError('WAYBILL_UNROUTABLE', `nobody can receive ${what} at ${to.kind} channel ${to.name}`)
    if (delayMs > 0) return this.#placeLater(outgoing, to, now + delayMs)
    return { topic, partition: this.#partitionOf(message, to, partitions), message }
  }

  #placeLater({ message, delayMs = 0 }: Outgoing, to: Channel, due: number) {
    if (delayMs > MAX_DELAY_MS)
      return new WaybillError('WAYBILL_LIMIT', `a delay of ${delayMs} ms; at most ${MAX_DELAY_MS}`)
    if (!canWait(to))
      return new WaybillError('WAYBILL_UNSUPPORTED', `${to.kind} ${to.name} cannot be delayed: it has many recipients`)
    return { topic: laterTopic(to).name, partition: 0, message: waiting(message, due) }
  }

  #partitionOf({ key }: WireMessage, to: Channel, partitions: number): number {
    if (key !== undefined) return shardOf(key, partitions)
    return to.foreign === undefined ? 0 : this.#round++ % partitions
  }
}

function canWait(channel: Channel): boolean {
  return hasOneRecipient(channel.kind) && channel.kind !== 'query' && channel.foreign === undefined
}
