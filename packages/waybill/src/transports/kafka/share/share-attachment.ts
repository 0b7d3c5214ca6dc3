import type { Deadline, Deadlines } from '../../../runtime/deadlines.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { GroupNames } from '../topic-names.ts'
import type { ShareDelivery } from './share-delivery.ts'
import { ShareMember } from './share-member.ts'
import { ShareReader, type ShareReaderParts, type SharePartition } from './share-reader.ts'

/** A lock is renewed when a third of it has passed. */
const RENEWALS_PER_LOCK = 3

/** One life of a subscription in a share group: a member, and a reader for each broker that leads one of its partitions. */
export class ShareAttachment {
  readonly #link: KafkaLink
  readonly #names: GroupNames
  readonly #member: ShareMember
  readonly #parts: ShareReaderParts
  readonly #deadlines: Deadlines
  readonly #unsettled: () => Iterable<ShareDelivery>
  #readers: readonly ShareReader[] = []
  #renewal: Deadline | undefined
  #hasEnded = false

  constructor(
    memberId: string,
    link: KafkaLink,
    names: GroupNames,
    parts: ShareReaderParts,
    deadlines: Deadlines,
    unsettled: () => Iterable<ShareDelivery>,
  ) {
    this.#link = link
    this.#names = names
    this.#parts = parts
    this.#deadlines = deadlines
    this.#unsettled = unsettled
    this.#member = new ShareMember(memberId, link, names.id, [names.topic, names.again], (error) => parts.failed(error))
  }

  /** Resolves when the group counts it, and it can read. */
  async start(): Promise<void> {
    const { session } = this.#link
    await this.#member.join()
    const byLeader = new Map<number, SharePartition[]>()
    // Those of retries first: they are older.
    const topics = await session.topics([this.#names.again, this.#names.topic])
    for (const [name, topic] of topics) {
      topic.leaders.forEach((leader, partition) => {
        const led = byLeader.get(leader)
        const place = { topic: name, topicId: topic.id, partition }
        if (led === undefined) byLeader.set(leader, [place])
        else led.push(place)
      })
    }
    const readers = [...byLeader].map(([leader, partitions]) => ({
      leader,
      reader: new ShareReader(this.#link, partitions, this.#parts),
    }))
    this.#readers = readers.map(({ reader }) => reader)
    await Promise.all(readers.map(({ leader, reader }) => reader.start(leader)))
    if (this.#hasEnded) this.end()
  }

  /** There is room. */
  wake(): void {
    for (const reader of this.#readers) reader.wake()
  }

  /** The broker gives an unsettled record to another member once its lock has run out: whoever still works on it says so. */
  keepLocked(lockMs: number): void {
    if (this.#renewal !== undefined || lockMs <= 0) return
    this.#renewal = this.#deadlines.add(lockMs / RENEWALS_PER_LOCK, () => {
      this.#renewal = undefined
      if (this.#hasEnded) return
      let isAny = false
      for (const { acquired } of this.#unsettled()) {
        isAny = true
        acquired.reader.renew(acquired.from, acquired.record.offset)
      }
      if (isAny) this.keepLocked(lockMs)
    })
  }

  /** Returns to the group what is not acknowledged, and leaves it. */
  async close(): Promise<void> {
    this.#renewal?.cancel()
    await Promise.all(this.#readers.map((reader) => reader.close()))
    await this.#member.leave()
    this.#hasEnded = true
  }

  /** Its connections end, which returns what it holds. With the coordinator the member keeps its place for who joins anew. */
  end(): void {
    this.#hasEnded = true
    this.#renewal?.cancel()
    this.#member.end()
    for (const reader of this.#readers) reader.end()
  }
}
