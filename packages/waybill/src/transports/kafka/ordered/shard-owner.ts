// One shard, from the moment that the coordinator gives it to this member until it has let go.
//
// A shard is three partitions of one number: the channel's, the group's lane, in which failed messages and those that follow
// them wait, and what comes back from its dead letters. The coordinator gives out the channel's; who has it writes to the lane,
// and nobody else can:
//
//   1  a producer named after group and shard is opened anew, which outdates the former owner's
//   2  with it a marker is written to the lane. From then on the broker refuses what the former owner still writes there,
//      and the marker's offset is larger than that of every earlier owner: the fencing token
//   3  the lane is read from its commit up to the marker: every blocked key is known
//   4  lane entries, the channel's partition from its commit, and what came back from the dead letters, are handed out
//
// Commits of a former owner are refused by the coordinator, so a commit that is read in step 3 and 4 stays true.
import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type { Deadlines } from '../../../runtime/deadlines.ts'
import { deadLetter, type Burial } from '../../../transport/dead-letter.ts'
import { Idle } from '../../../transport/idle.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { OrderedDelivery, type DeliveryOwner } from '../../../transport/ordered/ordered-delivery.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import type { Committer } from '../group/committer.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import type { Fetcher } from '../fetcher.ts'
import { toRecord } from '../record-mapping.ts'
import { retried } from '../../../transport/settled-message.ts'
import type { GroupNames } from '../topic-names.ts'
import { letterRecord } from '../dead-letters/letter-record.ts'
import { trim } from '../trim.ts'
import { DeliveryCounts, placeOf } from './delivery-counts.ts'
import { countedRecord, toLane } from './lane-message.ts'
import { ShardIntake } from './shard-intake.ts'
import { shardPlaces } from './shard-places.ts'
import { ShardReaders } from './shard-readers.ts'
import { WakeUps } from '../../../transport/ordered/wake-ups.ts'
import { openShardProducer, type ShardProducer } from './shard-producer.ts'
import type { ShardItem } from './shard-item.ts'

export interface ShardParts {
  readonly context: SubscriptionContext
  readonly link: KafkaLink
  readonly group: Group
  readonly names: GroupNames
  readonly committer: Committer
  readonly fetcher: Fetcher
  readonly deadlines: Deadlines
  /** Most messages of the channel's partition in the gate: a key's queue must not keep other keys out of sight. */
  readonly window: number
  readonly handOut: (delivery: OrderedDelivery<ShardItem>) => void
  readonly assigned: (owner: ShardOwner) => void
  /** The shard cannot go on. */
  readonly failed: (error: Error) => void
}

export class ShardOwner implements DeliveryOwner<ShardItem> {
  readonly shard: number
  fencing = 0
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #idle: Idle
  readonly #wakeUps: WakeUps
  readonly #readers: ShardReaders
  readonly #counts: DeliveryCounts
  #producer: ShardProducer | undefined
  /** From the moment that the lane is this owner's. */
  #intake: ShardIntake | undefined
  #isAssigned = false
  #isLeaving = false
  #ended = false

  constructor(shard: number, parts: ShardParts) {
    this.shard = shard
    this.#parts = parts
    const { context } = parts
    this.#idle = new Idle(context.runtime)
    this.#wakeUps = new WakeUps(context.runtime, parts.deadlines, (key) => void (this.#ended || this.#gate.wake(key)))
    this.#readers = new ShardReaders(shard, parts.fetcher, (error) => this.#fail(error))
    this.#counts = new DeliveryCounts({
      store: (place, count, stored) => this.#producer?.toLane(countedRecord(place, count), stored),
      done: (offset) => this.#intake?.noteDone(offset),
    })
    this.#gate = new ShardGate<ShardItem>({
      now: () => context.runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => this.#release(item),
      copy: (entry) => this.#copy(entry),
      wakeAt: (key, due) => this.#wakeUps.at(key, due),
    })
  }

  get isAssigned(): boolean {
    return this.#isAssigned && !this.#ended
  }

  /** Takes the shard over. */
  async start(): Promise<void> {
    const { shard } = this
    const { link, names, committer, context, group, fetcher, window } = this.#parts
    await link.session.topics([names.topic, names.lane, names.again])
    const producer = await openShardProducer(link, names, shard, (error) => this.#fail(error))
    if (this.#ended) return producer.end(this.#lost())
    this.#producer = producer
    const marker = await producer.markLane()
    this.fencing = Number(marker) + 1
    const places = await shardPlaces(link, committer, names, shard)
    if (this.#ended) return
    this.#intake = new ShardIntake(places, marker, {
      shard,
      group,
      names,
      runtime: context.runtime,
      committer,
      fetcher,
      window,
      readers: this.#readers,
      gate: this.#gate,
      counts: this.#counts,
      opened: () => this.#opened(),
      trim: (topic, before) => this.#trim(topic, before),
    })
    this.#intake.begin()
  }

  settle(delivery: OrderedDelivery<ShardItem>, settlement: Settlement): void {
    if (this.#ended) return
    const { entry } = delivery
    if (settlement.action === 'ack') this.#done(entry)
    else if (settlement.action === 'retry') {
      const item = entry.delivery as ShardItem // handed out, so it stands for a delivery
      item.message = retried(settlement)
      this.#gate.retry(entry, settlement.attempt, this.#parts.context.runtime.now() + Math.max(0, settlement.afterMs))
      this.#idle.remove(1)
    } else this.#bury(entry, settlement)
  }

  forget(): void {
    this.#idle.remove(1)
  }

  /** Hands out no more, waits up to `graceMs` for what the application has, commits, and lets go. */
  async release(graceMs: number): Promise<void> {
    this.#isLeaving = true
    this.#gate.shut()
    this.#readers.stop()
    await this.#idle.wait(graceMs)
    const isClean = this.#isAssigned && this.handed === 0 && this.#idle.count === 0
    if (isClean && !this.#ended) await this.#producer?.sayLeft()
    const { names, committer } = this.#parts
    this.end()
    await committer.forget(...[names.topic, names.lane, names.again].map((topic) => ({ topic, partition: this.shard })))
  }

  /** The shard is no longer ours. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#producer?.end(this.#lost())
    this.#intake?.end()
    this.#gate.shut()
    this.#readers.stop()
    this.#idle.reset()
  }

  #opened(): void {
    this.#isAssigned = true
    this.#parts.assigned(this)
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate hands out what was delivered
    this.#idle.add(1)
    const { expiresAt } = item.message
    if (expiresAt === undefined || expiresAt > this.#parts.context.runtime.now()) {
      if (item.isSuspect || (item.from === 'lane' && this.#counts.isSuspect(item))) this.#countFirst(entry, item)
      else this.#handOn(entry, item)
    } else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #countFirst(entry: GateEntry<ShardItem>, item: ShardItem): void {
    this.#counts.count(placeOf(item), (deliveryCount) => {
      item.deliveryCount = deliveryCount
      if (this.#isLeaving) this.#idle.remove(1)
      else this.#handOn(entry, item)
    })
  }

  #handOn(entry: GateEntry<ShardItem>, item: ShardItem): void {
    const { message, deliveryCount, from, offset } = item
    // A lane's offsets are not the channel's.
    const position = from === 'main' ? String(offset) : undefined
    this.#parts.handOut(new OrderedDelivery(entry, this, { message, deliveryCount, position }))
  }

  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const { group, context } = this.#parts
    const { message } = entry.delivery as ShardItem // handed out
    const letter = deadLetter(message, group, burial, context.runtime.now())
    const record = letterRecord(letter, context.runtime.newId())
    this.#producer?.toDeadLetters(record, () => this.#done(entry))
  }

  #done(entry: GateEntry<ShardItem>): void {
    this.#gate.done(entry)
    this.#idle.remove(1)
  }

  #copy(entry: GateEntry<ShardItem>): void {
    const { message: original, again } = entry.delivery as ShardItem // the gate copies what was delivered
    const { due, attempt } = entry
    const sequence = entry.sequence as number // a copy has its sequence
    this.#idle.add(1)
    const copy = toRecord(toLane({ message: { ...original, attempt }, sequence, due, again }))
    this.#producer?.toLane(copy, () => {
      this.#gate.copied(entry)
      this.#idle.remove(1)
    })
  }

  #release(item: ShardItem): void {
    if (this.#ended) return
    this.#counts.settled(placeOf(item))
    this.#intake?.done(item)
  }

  /** What is committed in a topic of ours is needed no more. */
  #trim(topic: string, before: bigint): void {
    const { link, context, committer } = this.#parts
    committer
      .flush()
      .then(() => trim(link.session, topic, this.shard, before))
      .catch((error: unknown) => context.emit({ type: 'error', error: asError(error) }))
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#gate.shut()
    this.#parts.failed(error)
  }

  #lost(): WaybillError {
    return new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `shard ${this.shard} has another owner`)
  }
}
