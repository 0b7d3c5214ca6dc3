import type { WireMessage } from '../../message/wire-message.ts'
import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import { Fetcher } from './fetcher.ts'
import { newKafkaId } from './kafka-id.ts'
import type { FetchedRecord, PartitionReader } from './partition-reader.ts'
import { fromRecord } from './record-mapping.ts'
import { addressOfProcess, recipientOf } from './return-address.ts'
import type { Session } from './session.ts'
import { startOffsets } from './start-offsets.ts'
import type { SubscriptionContext } from './subscription-context.ts'
import { answersTopic, topicOf } from './topic-names.ts'

/** Records in memory beyond the prefetch, so that the next fetch is on its way before they are spent. */
const AHEAD = 500

/**
 * One process alone: it reads the partitions itself, without a group, and leaves nothing behind. After a lost link it goes
 * on behind what it has read last; still it reports a gap, since whoever waits for a reply should not wait on.
 *
 * Replies come through one partition of a topic that the processes of a service share: each reads what is in its partition,
 * and drops what is for others. No group is in it, so no rebalance can hold a reply up.
 */
export class TransientSource implements LocalSource {
  readonly address: string | undefined
  /** Who began in the past goes on behind what it has read; where that is gone, the broker refuses it (`#failed`). */
  readonly hasGaps: boolean
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #topic: string
  /** Of this process, where replies are read. */
  readonly #process: string
  readonly #answerPartition: number
  /** The next one to read of each partition; none before it has begun. */
  readonly #offsets = new Map<number, bigint>()

  constructor(spec: SubscriptionSpec, context: SubscriptionContext) {
    const { channel } = spec.group
    const answers = answersTopic(channel)
    const replies = channel.kind === 'reply'
    this.hasGaps = spec.start === undefined || spec.start === 'now'
    this.#spec = spec
    this.#context = context
    this.#topic = replies ? answers.name : topicOf(channel)
    this.#process = newKafkaId(context.runtime)
    this.#answerPartition = Math.floor(context.runtime.random() * answers.partitions)
    this.address = replies ? addressOfProcess(this.#topic, this.#answerPartition, this.#process) : undefined
  }

  attachment(intake: Intake): LocalAttachment {
    const { session } = this.#context.link()
    const fetcher = new Fetcher(session, 'own')
    return {
      begin: () => this.#begin(session, fetcher, intake),
      freed: () => fetcher.wake(),
      leave: () => Promise.resolve(),
      end: () => fetcher.end(),
    }
  }

  /** Resolves when it reads. */
  async #begin(session: Session, fetcher: Fetcher, intake: Intake): Promise<void> {
    const { group, start = 'now' } = this.#spec
    const { declarer } = this.#context
    if (group.channel.kind === 'reply') await declarer.topics([answersTopic(group.channel)])
    else await declarer.channel(group.channel)
    const starts = this.#offsets.size > 0 ? [] : await startOffsets(session, this.#topic, start)
    await session.topic(this.#topic)
    if (!intake.isOpen) return
    if (this.#offsets.size === 0)
      for (const partition of this.#partitions(starts.length)) this.#offsets.set(partition, starts[partition] ?? 0n)
    for (const partition of this.#offsets.keys()) fetcher.add(this.#reader(partition, intake))
  }

  #partitions(count: number): readonly number[] {
    if (this.address !== undefined) return [this.#answerPartition]
    const all = Array.from({ length: count }, (_, partition) => partition)
    const { shards } = this.#spec
    return shards === undefined ? all : all.filter((partition) => shards.includes(partition))
  }

  #reader(partition: number, intake: Intake): PartitionReader {
    const offsets = this.#offsets
    return {
      topic: this.#topic,
      partition,
      get offset() {
        return offsets.get(partition) ?? 0n
      },
      set offset(next) {
        offsets.set(partition, next)
      },
      get isFull() {
        return intake.room(AHEAD) === 0
      },
      take: (records) => this.#take(records, partition, intake),
      failed: (error) => this.#failed(error, intake),
    }
  }

  #failed(error: Error, intake: Intake): void {
    if (!intake.isOpen) return
    // What is gone is gone: it goes on with what comes now, or as it was told to begin.
    this.#offsets.clear()
    if (!this.hasGaps) intake.gap()
    intake.lost(error)
  }

  #take(records: readonly FetchedRecord[], partition: number, intake: Intake): void {
    for (const record of records) {
      const message = this.#own(fromRecord(record, record.timestamp))
      if (message !== undefined) intake.add(message, partition, String(record.offset))
    }
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
}
