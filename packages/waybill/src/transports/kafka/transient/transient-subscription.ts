import { Deadlines } from '../../../runtime/deadlines.ts'
import type { WireMessage } from '../../../message/wire-message.ts'
import { WaybillError } from '../../../message/errors.ts'
import { Idle } from '../../../transport/idle.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import { newKafkaId } from '../kafka-id.ts'
import { Fetcher } from '../fetcher.ts'
import type { LinkedSubscription, SubscriptionContext } from '../subscription-context.ts'
import type { FetchedRecord, PartitionReader } from '../partition-reader.ts'
import { fromRecord } from '../record-mapping.ts'
import { addressOfProcess, recipientOf } from '../return-address.ts'
import { retried } from '../../../transport/settled-message.ts'
import { startOffsets } from '../start-offsets.ts'
import { answersTopic, topicOf } from '../topic-names.ts'
import { TransientDelivery } from './transient-delivery.ts'

/** Records in memory beyond the prefetch, of each partition, so that the next fetch is on its way before they are spent. */
const AHEAD = 500

/**
 * One process alone: it reads the partitions itself, without a group, and leaves nothing behind. After a lost link it goes
 * on behind what it has read last; still it reports a gap, since whoever waits for a reply should not wait on.
 *
 * Replies come through one partition of a topic that the processes of a service share: each reads what is in its partition,
 * and drops what is for others. No group is in it, so no rebalance can hold a reply up.
 */
export class TransientSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly memberId = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #idle: Idle
  readonly #deadlines: Deadlines
  readonly #topic: string
  /** Of this process, where replies are read. */
  readonly #process: string
  readonly #answerPartition: number
  #readers: Reader[] = []
  #fetcher: Fetcher | undefined
  #ready: TransientDelivery[] = []
  #prefetch: number
  #handed = 0
  #life = 0
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: SubscriptionContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    const { channel } = spec.group
    const answers = answersTopic(channel)
    const replies = channel.kind === 'reply'
    this.#spec = spec
    this.#context = context
    this.#receive = receive
    this.#onClosed = onClosed
    this.#prefetch = spec.prefetch
    this.#topic = replies ? answers.name : topicOf(channel)
    this.#process = newKafkaId(context.runtime)
    this.#answerPartition = Math.floor(context.runtime.random() * answers.partitions)
    this.address = replies ? addressOfProcess(this.#topic, this.#answerPartition, this.#process) : undefined
    this.#idle = new Idle(context.runtime)
    this.#deadlines = new Deadlines(context.runtime)
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when it reads. */
  async start(): Promise<void> {
    const life = ++this.#life
    const { group, start = 'now' } = this.#spec
    const { declarer } = this.#context
    if (group.channel.kind === 'reply') await declarer.topics([answersTopic(group.channel)])
    else await declarer.channel(group.channel)
    const { session } = this.#context.link()
    const goesOn = this.#readers.length > 0
    const starts = goesOn ? [] : await startOffsets(session, this.#topic, start)
    if (life !== this.#life) throw this.#gone()
    const partitions = this.#partitions(starts.length)
    if (!goesOn) this.#readers = partitions.map((partition) => this.#reader(partition, starts[partition] ?? 0n))
    await session.topic(this.#topic)
    if (life !== this.#life) throw this.#gone()
    const fetcher = (this.#fetcher = new Fetcher(session, 'own'))
    for (const reader of this.#readers) fetcher.add(reader)
    this.#since = this.#context.runtime.now()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof TransientDelivery))
        throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || delivery.life !== this.#life) continue
      delivery.settled = true
      this.#handed--
      this.#idle.remove(1)
      if (settlement.action !== 'retry') continue
      const { life, shard, position } = delivery
      const again = new TransientDelivery(retried(settlement), shard, position, life)
      // In this process alone, as everything of a transient subscription.
      if (settlement.afterMs <= 0) this.#ready.push(again)
      else this.#deadlines.add(settlement.afterMs, () => this.#offer([again]))
    }
    this.#pump()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#pump()
  }

  linkDown(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#detach()
    this.#takeUp.linkDown()
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    // Who began in the past goes on behind what it has read; where that is gone, the broker refuses it (`#failed`).
    if (this.#spec.start === undefined || this.#spec.start === 'now')
      this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    await this.#idle.wait(deadlineMs)
    this.#detach()
    this.#onClosed()
  }

  #detach(): void {
    this.#life++
    this.#since = undefined
    this.#fetcher?.end()
    this.#fetcher = undefined
    this.#deadlines.clear()
    // What was handed out or at hand is read once more: nobody has said that it is done.
    const unread = [...this.#ready]
    this.#ready = []
    this.#handed = 0
    this.#idle.reset()
    for (const { shard, position } of unread) {
      const reader = this.#readers.find((each) => each.partition === shard)
      if (reader !== undefined && BigInt(position) < reader.offset) reader.offset = BigInt(position)
    }
  }

  #partitions(count: number): readonly number[] {
    if (this.address !== undefined) return [this.#answerPartition]
    const all = Array.from({ length: count }, (_, partition) => partition)
    const { shards } = this.#spec
    return shards === undefined ? all : all.filter((partition) => shards.includes(partition))
  }

  #reader(partition: number, offset: bigint): Reader {
    const isFull = (): boolean => this.#ready.length >= AHEAD
    return {
      topic: this.#topic,
      partition,
      offset,
      get isFull() {
        return isFull()
      },
      take: (records) => this.#take(records, partition),
      failed: (error) => this.#failed(error),
    }
  }

  #failed(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#detach()
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
    // What is gone is gone: it goes on with what comes now, or as it was told to begin.
    this.#readers = []
    this.#takeUp.begin()
  }

  #take(records: readonly FetchedRecord[], partition: number): void {
    if (this.#closing !== undefined) return
    const now = this.#context.runtime.now()
    const deliveries: TransientDelivery[] = []
    for (const record of records) {
      const message = this.#own(fromRecord(record, record.timestamp))
      if (message === undefined || (message.expiresAt !== undefined && message.expiresAt <= now)) continue
      deliveries.push(new TransientDelivery(message, partition, String(record.offset), this.#life))
    }
    this.#offer(deliveries)
  }

  /** The message as it is handed out; `undefined` when it is not for this subscription. */
  #own(message: WireMessage): WireMessage | undefined {
    if (this.address !== undefined) {
      const { process, headers } = recipientOf(message.headers)
      return process === this.#process ? { ...message, headers } : undefined
    }
    const { types } = this.#spec.group
    return types === undefined || types.includes(message.type) ? message : undefined
  }

  #offer(deliveries: readonly TransientDelivery[]): void {
    this.#ready.push(...deliveries)
    this.#pump()
  }

  #pump(): void {
    if (this.#closing !== undefined) return
    const room = Math.max(0, this.#prefetch - this.#handed)
    if (room === 0 || this.#ready.length === 0) return
    const wasFull = this.#ready.length >= AHEAD
    const batch = this.#ready.splice(0, room)
    this.#handed += batch.length
    this.#idle.add(batch.length)
    if (wasFull && this.#ready.length < AHEAD) this.#fetcher?.wake()
    this.#receive(batch)
  }

  #gone(): WaybillError {
    const { channel, name } = this.#spec.group
    return new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke while ${name} subscribed to ${channel.name}`)
  }
}

type Reader = PartitionReader
