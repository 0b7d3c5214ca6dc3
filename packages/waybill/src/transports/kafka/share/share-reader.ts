// A share session with one broker: records of the partitions that it leads, one request at a time, since each has the next
// number of the session. Acknowledgements travel with the next fetch, or alone when there is no room for more.
import { asError } from '../../../message/as-error.ts'
import { call } from '../call.ts'
import type { Connection } from '../driver.ts'
import { recordsOf } from '../fetcher.ts'
import { brokerError, CODE } from '../kafka-errors.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { PendingAcknowledgements } from './pending-acknowledgements.ts'
import { ACKNOWLEDGE, CLOSE_SESSION, OPEN_SESSION } from './share-apis.ts'
import type { ShareFetchPartition } from './wire/share-fetch.ts'

/** How long the broker waits for something to come, and so how long an acknowledgement may wait for a fetch to end. */
const MAX_WAIT_MS = 200

export interface SharePartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

export interface AcquiredRecord {
  readonly from: SharePartition
  readonly record: FetchedRecord
  readonly deliveryCount: number
  readonly reader: ShareReader
}

export interface ShareReaderParts {
  readonly group: string
  readonly member: string
  /** How many records may come now. */
  room(): number
  take(records: readonly AcquiredRecord[], lockMs: number): void
  /** Acknowledgements that came too late: the broker has given the records to others. */
  tooLate(from: SharePartition, code: number): void
  failed(error: Error): void
}

export class ShareReader {
  readonly #link: KafkaLink
  readonly #parts: ShareReaderParts
  readonly #partitions: readonly SharePartition[]
  readonly #acknowledgements = new PendingAcknowledgements()
  readonly #renewals = new PendingAcknowledgements()
  #epoch: number = OPEN_SESSION
  #wake: (() => void) | undefined
  #state: 'running' | 'closing' | 'ended' = 'running'
  #done: Promise<void> = Promise.resolve()

  constructor(link: KafkaLink, partitions: readonly SharePartition[], parts: ShareReaderParts) {
    this.#link = link
    this.#partitions = partitions
    this.#parts = parts
  }

  /** Resolves when it can read. */
  async start(leader: number): Promise<void> {
    const connection = await this.#link.session.connect(leader)
    this.#done = this.#run(connection).catch((error: unknown) => {
      if (this.#state === 'ended') return
      this.#state = 'ended'
      this.#parts.failed(asError(error))
    })
    void this.#done.then(() => this.#link.session.release(connection))
  }

  acknowledge({ topicId, partition }: SharePartition, offset: bigint, type: number): void {
    this.#acknowledgements.add(topicId, partition, offset, type)
    this.wake()
  }

  /** Keeps the record locked for this member. */
  renew({ topicId, partition }: SharePartition, offset: bigint): void {
    this.#renewals.add(topicId, partition, offset, ACKNOWLEDGE.renew)
    this.wake()
  }

  /** There is room, or something to acknowledge. */
  wake(): void {
    this.#wake?.()
  }

  /** Sends the acknowledgements that are there; what is still acquired returns to the group. */
  async close(): Promise<void> {
    if (this.#state === 'running') this.#state = 'closing'
    this.wake()
    await this.#done
  }

  end(): void {
    this.#state = 'ended'
    this.wake()
  }

  async #run(connection: Connection): Promise<void> {
    while (this.#state === 'running') {
      const room = this.#parts.room()
      if (!this.#renewals.isEmpty && this.#epoch !== OPEN_SESSION)
        await this.#acknowledge(connection, this.#renewals, true, this.#epoch)
      else if (room > 0) await this.#fetch(connection, room)
      else if (!this.#acknowledgements.isEmpty)
        await this.#acknowledge(connection, this.#acknowledgements, false, this.#epoch)
      else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
      }
    }
    if (this.#state === 'ended' || this.#epoch === OPEN_SESSION) return
    await this.#acknowledge(connection, this.#acknowledgements, false, CLOSE_SESSION)
  }

  async #fetch(connection: Connection, room: number): Promise<void> {
    const { group, member } = this.#parts
    const opening = this.#epoch === OPEN_SESSION
    const topics = this.#acknowledgements.take(opening ? this.#partitions : [])
    const { fetch } = this.#link.share
    const answer = await call(connection, fetch, group, member, this.#epoch, MAX_WAIT_MS, room, topics)
    if (this.#state === 'ended') return
    if (answer.errorCode !== CODE.none)
      throw brokerError(answer.errorCode, `share session of group ${group}`, answer.errorMessage)
    this.#epoch++
    const acquired: AcquiredRecord[] = []
    for (const { topicId, partitions } of answer.topics)
      for (const each of partitions) {
        const from = this.#partitions.find((known) => known.topicId === topicId && known.partition === each.partition)
        if (from !== undefined) this.#read(from, each, acquired)
      }
    // While it closes they stay acquired, and return with the session.
    if (acquired.length > 0 && this.#state === 'running') this.#parts.take(acquired, answer.lockMs)
  }

  #read(from: SharePartition, answer: ShareFetchPartition, into: AcquiredRecord[]): void {
    if (answer.acknowledgeErrorCode !== CODE.none) this.#parts.tooLate(from, answer.acknowledgeErrorCode)
    if (answer.errorCode !== CODE.none)
      throw brokerError(answer.errorCode, `partition ${from.partition} of topic ${from.topic}`)
    const [lowest] = answer.acquired
    if (lowest === undefined) return
    const records = new Map<bigint, FetchedRecord>()
    for (const record of recordsOf(answer.batches, lowest.first)) records.set(record.offset, record)
    for (const { first, last, deliveryCount } of answer.acquired)
      for (let offset = first; offset <= last; offset++) {
        const record = records.get(offset)
        if (record !== undefined) into.push({ from, record, deliveryCount, reader: this })
        // A transaction's marker, or what compaction has removed.
        else this.#acknowledgements.add(from.topicId, from.partition, offset, ACKNOWLEDGE.gap)
      }
  }

  async #acknowledge(
    connection: Connection,
    pending: PendingAcknowledgements,
    renews: boolean,
    epoch: number,
  ): Promise<void> {
    const { group, member } = this.#parts
    const { acknowledge } = this.#link.share
    const answer = await call(connection, acknowledge, group, member, epoch, renews, pending.take())
    if (epoch === CLOSE_SESSION) return
    if (answer.errorCode !== CODE.none)
      throw brokerError(answer.errorCode, `share session of group ${group}`, answer.errorMessage)
    this.#epoch++
    for (const { topicId, partitions } of answer.topics)
      for (const { partition, errorCode } of partitions) {
        if (errorCode === CODE.none) continue
        const from = this.#partitions.find((known) => known.topicId === topicId && known.partition === partition)
        if (from !== undefined) this.#parts.tooLate(from, errorCode)
      }
  }
}
