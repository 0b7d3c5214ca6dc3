import { asError } from '../../../message/as-error.ts'
import type { WireMessage } from '../../../message/wire-message.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import { shardOf } from '../../../message/shard.ts'
import type { Group } from '../../../transport/transport.ts'
import { Committer } from '../group/committer.ts'
import { ConsumerMember } from '../group/consumer-member.ts'
import { ContiguousOffsets } from '../group/contiguous-offsets.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import { fromWaiting, waiting } from '../later-message.ts'
import { EARLIEST, offsetsOf } from '../offsets.ts'
import type { FetchedRecord, PartitionReader } from '../partition-reader.ts'
import { fromRecord, sizeOf, toRecord } from '../record-mapping.ts'
import { isOrdered, namesOf, type GroupNames } from '../topic-names.ts'
import { trim } from '../trim.ts'

/** Messages in memory that wait; beyond, the next ones are read when one of these has gone. */
const MOST_WAITING = 10_000
/** A message that waits long must not keep what went before it from being committed: beyond so many it is put to the end. */
const MOST_DONE_BEYOND = 500
/** Waits are looked at again after so long: platforms count no further than 24 days. */
const LONGEST_TIMER_MS = 24 * 60 * 60_000

interface Waiting {
  readonly offset: bigint
  readonly message: WireMessage
  readonly due: number
}

/**
 * Moves what waits in the `--later` topic of a group to where the group reads it, when it is due. Every member stands in
 * line for it, and one has it: the owner of the topic's one partition.
 */
export class LaterMover {
  readonly #group: Group
  readonly #names: GroupNames
  readonly #link: KafkaLink
  readonly #context: SubscriptionContext
  readonly #lost: (error: Error) => void
  readonly #member: ConsumerMember
  readonly #committer: Committer
  readonly #deadlines: Deadlines
  readonly #waiting = new Map<bigint, Waiting>()
  #offsets: ContiguousOffsets | undefined
  #reader: PartitionReader | undefined
  #trimmed = 0n

  /** @param memberId of the subscription: with it, who comes back after a loss takes its place at once */
  constructor(
    memberId: string,
    group: Group,
    context: SubscriptionContext,
    link: KafkaLink,
    lost: (error: Error) => void,
  ) {
    this.#group = group
    this.#names = namesOf(group)
    this.#link = link
    this.#context = context
    this.#lost = lost
    this.#deadlines = new Deadlines(context.runtime)
    const { laterId, later } = this.#names
    this.#member = new ConsumerMember(memberId, link, laterId, later, {
      assigned: () => void this.#begin().catch((error: unknown) => lost(asError(error))),
      revoked: () => this.#stop(),
      lost,
    })
    this.#committer = new Committer(link, laterId, this.#member, lost)
  }

  async start(): Promise<void> {
    await this.#link.session.topic(this.#names.later)
    await this.#member.join()
  }

  async close(): Promise<void> {
    await this.#stop()
    await this.#member.leave()
  }

  end(): void {
    this.#halt()
    this.#member.end()
    this.#committer.end()
  }

  async #begin(): Promise<void> {
    const { later } = this.#names
    const [{ offset, metadata }, [earliest = 0n]] = await Promise.all([
      this.#committer.committed(later, 0),
      offsetsOf(this.#link.session, later, EARLIEST),
    ])
    const isKept = offset >= earliest
    const offsets = new ContiguousOffsets(isKept ? offset : earliest, isKept ? metadata : '')
    this.#offsets = offsets
    this.#trimmed = offsets.position
    this.#committer.track(later, 0, offsets)
    const waits = this.#waiting
    this.#reader = {
      topic: later,
      partition: 0,
      offset: offsets.position,
      get isFull() {
        return waits.size >= MOST_WAITING
      },
      take: (records) => this.#take(records),
      failed: (error) => this.#lost(error),
    }
    this.#link.fetcher.add(this.#reader)
  }

  async #stop(): Promise<void> {
    this.#halt()
    await this.#committer.forget({ topic: this.#names.later, partition: 0 })
  }

  #halt(): void {
    if (this.#reader !== undefined) this.#link.fetcher.remove(this.#reader)
    this.#reader = undefined
    this.#deadlines.clear()
    this.#waiting.clear()
    this.#offsets = undefined
  }

  #take(records: readonly FetchedRecord[]): void {
    for (const record of records) {
      if (this.#offsets?.arrived(record.offset) !== true) continue
      const { message, due } = fromWaiting(fromRecord(record, record.timestamp))
      const entry = { offset: record.offset, message, due }
      this.#waiting.set(record.offset, entry)
      this.#wait(entry)
    }
  }

  #wait(entry: Waiting): void {
    const leftMs = entry.due - this.#context.runtime.now()
    if (leftMs <= 0) this.#move(entry, this.#destination(entry.message), entry.message)
    else
      this.#deadlines.add(Math.min(leftMs, LONGEST_TIMER_MS), () => {
        // It may have been put to the end meanwhile.
        if (this.#waiting.get(entry.offset) === entry) this.#wait(entry)
      })
  }

  #move(entry: Waiting, { topic, partition }: { topic: string; partition: number }, message: WireMessage): void {
    const offsets = this.#offsets
    const record = toRecord(message)
    this.#link.producer.produce(topic, partition, record, sizeOf(record), (result) => {
      // Somebody else has it now.
      if (offsets !== this.#offsets || offsets === undefined) return
      if (result.outcome !== 'accepted') return this.#lost(result.error)
      const wasFull = this.#waiting.size >= MOST_WAITING
      this.#waiting.delete(entry.offset)
      offsets.done(entry.offset)
      this.#committer.changed()
      if (wasFull) this.#link.fetcher.wake()
      this.#putToTheEnd(offsets)
      this.#trim(offsets)
    })
  }

  #putToTheEnd(offsets: ContiguousOffsets): void {
    const first = offsets.doneBeyond > MOST_DONE_BEYOND ? this.#waiting.get(offsets.first ?? -1n) : undefined
    if (first === undefined) return
    this.#waiting.delete(first.offset)
    this.#move(first, { topic: this.#names.later, partition: 0 }, waiting(first.message, first.due))
  }

  #trim(offsets: ContiguousOffsets): void {
    if (offsets.position - this.#trimmed < BigInt(MOST_WAITING)) return
    this.#trimmed = offsets.position
    trim(this.#link.session, this.#names.later, 0, offsets.position).catch((error: unknown) =>
      this.#context.emit({ type: 'error', error: asError(error) }),
    )
  }

  #destination({ key }: WireMessage): { readonly topic: string; readonly partition: number } {
    const { again, topic } = this.#names
    if (!isOrdered(this.#group)) return { topic: again, partition: 0 }
    return { topic, partition: key === undefined ? 0 : shardOf(key, this.#group.channel.shards) }
  }
}
