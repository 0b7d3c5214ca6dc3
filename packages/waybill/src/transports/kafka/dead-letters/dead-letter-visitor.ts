// One visit to the dead letters of a group.
//
//   read the topic to its end: what is there -> show a batch -> note in the topic what is decided on, and read up to the note
//   -> store what letters turn into -> remove the letters -> ... -> take the note back
//
// Kafka has nothing by which a letter could be there for one visitor alone. Notes have an order, though: who finds an earlier one on
// a letter waits for its visit to be done with it, and then does nothing more about it. A visit that has died leaves its note: it
// is waited for in vain for a while, by this process's own clock.
import { isWaybillError, WaybillError } from '../../../message/errors.ts'
import { shardOf } from '../../../message/shard.ts'
import type { WireMessage } from '../../../message/wire-message.ts'
import type { DeadLetterVisit } from '../../../transport/dead-letter-visit.ts'
import type { Group } from '../../../transport/transport.ts'
import { visitInBatches, type Decided, type Letter } from '../../../transport/visit-in-batches.ts'
import { Fetcher } from '../fetcher.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { LATEST, offsetsOf } from '../offsets.ts'
import { toAgain } from '../ordered/again-message.ts'
import { readPartition } from '../read-partition.ts'
import { sizeOf, toRecord, type RecordContent } from '../record-mapping.ts'
import { isOrdered, namesOf, type GroupNames } from '../topic-names.ts'
import { trim } from '../trim.ts'
import type { DeadLetterIndex } from './dead-letter-index.ts'
import { letterIn, letterRecord, noteRecord, removalRecord } from './letter-record.ts'

/** What another visit may take between its note and the removal of its letters: longer than a batch does on a busy cluster. */
const DONE_WITHIN_MS = 3_000
const LOOK_EVERY_MS = 20

interface DeadRecord extends Letter {
  readonly offset: number
  readonly key: Buffer
}

export class DeadLetterVisitor {
  readonly #link: KafkaLink
  readonly #index: DeadLetterIndex
  readonly #group: Group
  readonly #names: GroupNames
  readonly #id: string
  #hasNote = false

  constructor(link: KafkaLink, index: DeadLetterIndex, group: Group) {
    this.#link = link
    this.#index = index
    this.#group = group
    this.#names = namesOf(group)
    this.#id = index.begin()
  }

  async run(visit: DeadLetterVisit): Promise<void> {
    try {
      await this.#run(visit)
    } finally {
      this.#index.end(this.#id)
    }
  }

  async #run(visit: DeadLetterVisit): Promise<void> {
    const { session } = this.#link
    const { dead, again } = this.#names
    const { channel, name } = this.#group
    if (!(await session.topics([dead, again])).has(dead))
      throw new WaybillError(
        'WAYBILL_NOT_FOUND',
        `channel ${channel.name} has no group ${name}: there is no topic ${dead}`,
      )
    const fetcher = new Fetcher(session, 'own')
    const last = (await this.#index.read(this.#link, this.#group)).position - 1
    let shown = -1
    const next = async (most: number): Promise<readonly DeadRecord[]> => {
      for (;;) {
        const { letters } = await this.#index.read(this.#link, this.#group)
        const offsets = letters.between(shown + 1, last, most)
        if (offsets.length === 0) return []
        const found = await this.#letters(fetcher, new Set(offsets))
        if (found === undefined) continue
        shown = offsets.at(-1) as number // there is one
        // What the cleaner took was removed by somebody else's hand.
        for (const offset of offsets) if (!found.some((each) => each.offset === offset)) letters.delete(offset)
        if (found.length > 0) return found
      }
    }
    try {
      await visitInBatches(visit, next, (decided) => this.#carryOut(decided))
    } catch (error) {
      // Who comes next does not wait for it, where that can be said.
      await this.#takeBack().catch(() => undefined)
      throw error
    } finally {
      fetcher.end()
    }
    if (!this.#hasNote) return
    await this.#takeBack()
    await this.#trim()
  }

  /** `undefined`: another visit has removed some, and let the broker forget them. */
  async #letters(fetcher: Fetcher, offsets: ReadonlySet<number>): Promise<readonly DeadRecord[] | undefined> {
    const { session } = this.#link
    const range = {
      topic: this.#names.dead,
      partition: 0,
      from: BigInt(Math.min(...offsets)),
      end: BigInt(Math.max(...offsets)) + 1n,
    }
    const letters: DeadRecord[] = []
    try {
      await readPartition({ session, fetcher }, range, (record) => {
        const offset = Number(record.offset)
        if (offsets.has(offset) && record.key !== null && record.value !== null)
          letters.push({ offset, key: record.key, message: letterIn(record) })
      })
      return letters
    } catch (error) {
      if (isWaybillError(error, 'WAYBILL_POSITION_GONE')) return undefined
      throw error
    }
  }

  async #carryOut(decided: readonly Decided<DeadRecord>[]): Promise<void> {
    await this.#note(decided.map(({ letter }) => letter.offset))
    const { letters } = await this.#index.read(this.#link, this.#group)
    // Of what another visit was first to decide on, nothing.
    const ours = decided.filter(({ letter }) => letters.has(letter.offset))
    const { session } = this.#link
    // On an ordered group it comes behind what the channel holds now.
    const ends = isOrdered(this.#group) ? await offsetsOf(session, this.#names.topic, LATEST) : []
    const outcomes = await Promise.allSettled(ours.map(({ decision }) => this.#store(decision, ends)))
    const stored = ours.filter((_, n) => outcomes[n]?.status === 'fulfilled')
    const { dead } = this.#names
    await Promise.all(stored.map(({ letter }) => this.#produce(dead, 0, removalRecord(letter.key, letter.offset))))
    const failed = outcomes.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Says what is about to be decided on, and waits for those who have said so before. */
  async #note(offsets: readonly number[]): Promise<void> {
    const { runtime } = this.#link.session
    if (!this.#hasNote) await this.#index.visited(this.#group)
    this.#hasNote = true
    const at = await this.#produce(this.#names.dead, 0, noteRecord(this.#id, offsets))
    for (;;) {
      const log = await this.#index.read(this.#link, this.#group)
      const others = log.before(Number(at), this.#id, offsets)
      const gone = others.filter(({ visit, seenAt }) => this.#index.isOver(visit) || runtime.monotonic() - seenAt > DONE_WITHIN_MS) // prettier-ignore
      if (gone.length < others.length) {
        await new Promise<void>((resolve) => void runtime.setTimer(LOOK_EVERY_MS, resolve))
        continue
      }
      for (const { visit } of gone) {
        log.forget(visit)
        await this.#produce(this.#names.dead, 0, noteRecord(visit, []))
      }
      return
    }
  }

  async #store(decision: Decided<DeadRecord>['decision'], ends: readonly bigint[]): Promise<void> {
    if (decision.action === 'remove') return
    const { message } = decision
    const { runtime } = this.#link.session
    const { dead, again } = this.#names
    if (decision.action === 'replace') {
      await this.#produce(dead, 0, letterRecord(message, runtime.newId()))
      return
    }
    const shard = this.#shardOf(message)
    const [record, end] = [toRecord(message), ends[shard]]
    await this.#produce(again, shard, end === undefined ? record : toAgain(record, end))
  }

  #shardOf({ key }: WireMessage): number {
    return isOrdered(this.#group) && key !== undefined ? shardOf(key, this.#group.channel.shards) : 0
  }

  async #takeBack(): Promise<void> {
    if (this.#hasNote) await this.#produce(this.#names.dead, 0, noteRecord(this.#id, []))
  }

  /** The broker forgets what lies before the first letter, unless another visit's note may be among it. */
  async #trim(): Promise<void> {
    const { letters, position, visits } = await this.#index.read(this.#link, this.#group)
    if (visits.every((each) => this.#index.isOver(each)))
      await trim(this.#link.session, this.#names.dead, 0, BigInt(letters.first ?? position))
  }

  /** Its offset. What is handed to the producer of a session that has ended is never answered. */
  #produce(topic: string, partition: number, record: RecordContent): Promise<bigint> {
    const { session, producer } = this.#link
    return new Promise((resolve, reject) => {
      const callOff = session.onEnd(reject)
      if (session.fault !== undefined) return
      producer.produce(topic, partition, record, sizeOf(record), (result) => {
        callOff()
        if (result.outcome === 'accepted') resolve(result.offset)
        else reject(result.error)
      })
    })
  }
}
