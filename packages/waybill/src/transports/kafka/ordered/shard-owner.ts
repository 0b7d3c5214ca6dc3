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
import { gateId } from '../../../transport/ordered/gate-id.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import type { Committer } from '../group/committer.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import type { Fetcher } from '../fetcher.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import type { Producer } from '../producer.ts'
import { fromRecord, sizeOf, toRecord, type RecordContent } from '../record-mapping.ts'
import { retried } from '../../../transport/settled-message.ts'
import type { GroupNames } from '../topic-names.ts'
import { letterRecord } from '../dead-letters/letter-record.ts'
import { trim } from '../trim.ts'
import { DeliveryCounts, placeOf } from './delivery-counts.ts'
import { countedRecord, fromLane, ownersWord, toLane } from './lane-message.ts'
import { LaneLog } from './lane-log.ts'
import { shardPlaces, type ShardPlaces } from './shard-places.ts'
import { ShardReaders } from './shard-readers.ts'
import { ShardSources } from './shard-sources.ts'
import { WakeUps } from '../../../transport/ordered/wake-ups.ts'
import { markLane, openShardProducer, sayLeft } from './shard-producer.ts'
import { OrderedDelivery, type DeliveryOwner, type ShardItem } from './ordered-delivery.ts'

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
  readonly handOut: (delivery: OrderedDelivery) => void
  readonly assigned: (owner: ShardOwner) => void
  /** The shard cannot go on. */
  readonly failed: (error: Error) => void
}

export class ShardOwner implements DeliveryOwner {
  readonly shard: number
  fencing = 0
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #idle: Idle
  readonly #wakeUps: WakeUps
  #producer: Producer | undefined
  #lane: LaneLog | undefined
  #sources: ShardSources | undefined
  readonly #readers: ShardReaders
  readonly #counts: DeliveryCounts
  #places: ShardPlaces | undefined
  #callOff: () => void = () => undefined
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
      store: (place, count, stored) =>
        this.#publish(parts.names.lane, shard, countedRecord(place, count), () => stored()),
      done: (offset) => this.#lane?.done(offset),
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
    const { link, names, committer } = this.#parts
    const { session } = link
    await session.topics([names.topic, names.lane, names.again])
    const producer = await openShardProducer(link, names, this.shard, (error) => this.#fail(error))
    if (this.#ended) return
    this.#producer = producer
    this.#callOff = session.onEnd((error) => producer.end(error))
    const marker = await markLane(producer, names, this.shard)
    this.fencing = Number(marker) + 1
    const places = (this.#places = await shardPlaces(link, committer, names, this.shard))
    if (this.#ended) return
    this.#lane = new LaneLog(places.lane.committed, places.lane.oldest, {
      renew: (item) => this.#gate.renew(item.message.key ?? '', item),
      renewNote: (offset) => this.#counts.renew(offset),
      trim: (before) => this.#trim(names.lane, before),
    })
    const { group, window, fetcher, context } = this.#parts
    const sources = { group, names, window, runtime: context.runtime, readers: this.#readers }
    this.#sources = new ShardSources(places, sources, {
      enter: (read) => this.#enterGate(read),
      passedBy: (offset) => this.#counts.settled(placeOf({ from: 'main', offset })),
      changed: () => committer.changed(),
      wake: () => fetcher.wake(),
      trim: (topic, before) => this.#trim(topic, before),
    })
    committer.track(names.topic, this.shard, this.#sources.main)
    committer.track(names.lane, this.shard, this.#lane.offsets)
    committer.track(names.again, this.shard, this.#sources.again)
    this.#readers.read(names.lane, this.#lane.offsets.position, () => false, (records) => this.#takeLane(records, marker)) // prettier-ignore
  }

  settle(delivery: OrderedDelivery, settlement: Settlement): void {
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
    if (isClean && !this.#ended && this.#producer !== undefined) await sayLeft(this.#producer, this.#parts.link, this.#parts.names, this.shard) // prettier-ignore
    const { names, committer } = this.#parts
    this.end()
    await committer.forget(...[names.topic, names.lane, names.again].map((topic) => ({ topic, partition: this.shard })))
  }

  /** The shard is no longer ours. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#callOff()
    this.#producer?.end(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `shard ${this.shard} has another owner`))
    this.#gate.shut()
    this.#readers.stop()
    this.#idle.reset()
  }

  #takeLane(records: readonly FetchedRecord[], marker: bigint): void {
    if (this.#ended) return
    for (const record of records) {
      const { offset } = record
      if (this.#lane?.offsets.arrived(offset) === true) {
        const message = fromRecord(record, record.timestamp)
        const said = ownersWord(message)
        if (said === undefined) this.#enterLane(message, offset)
        else this.#counts.heard(said, offset, offset < marker)
      }
      if (offset === marker) this.#open(marker)
    }
    this.#parts.committer.changed()
  }

  #enterLane(laneMessage: ReturnType<typeof fromRecord>, offset: bigint): void {
    const { message, sequence, due, again } = fromLane(laneMessage)
    // What former owners put there is suspected, should they have gone without a word, which is known at the end of it.
    const delivery: ShardItem = { message, from: 'lane', offset, again, isSuspect: false, deliveryCount: 1 }
    this.#lane?.entered(delivery)
    const { id, key = '', attempt } = message
    this.#gate.fromLane({ id: gateId(id, again), key, sequence, attempt, due, delivery })
  }

  /** Every blocked key is known. */
  #open(marker: bigint): void {
    this.#isAssigned = true
    const { main, again } = this.#places as ShardPlaces // found out before the lane was read
    const sources = this.#sources as ShardSources // made before that
    this.#counts.open({
      marker,
      ends: { main: main.end, again: again.end },
      window: this.#parts.window,
      wasDone: {
        main: (offset) => sources.main.wasDone(offset),
        again: (offset) => sources.again.wasDone(offset),
        lane: (offset) => this.#lane?.has(offset) !== true,
      },
    })
    this.#parts.assigned(this)
    this.#gate.openLane()
    this.#gate.openMain()
    sources.begin(() => !this.#ended)
  }

  #enterGate(read: Pick<ShardItem, 'message' | 'from' | 'offset' | 'again'>): void {
    const item: ShardItem = { ...read, isSuspect: this.#counts.isSuspect(read), deliveryCount: 1 }
    const { id, key = '', attempt } = item.message
    // A message without a key is ordered among its like.
    this.#gate.fromMain(gateId(id, item.again), key, attempt, item)
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate hands out what was delivered
    this.#idle.add(1)
    const { expiresAt } = item.message
    if (expiresAt === undefined || expiresAt > this.#parts.context.runtime.now()) {
      if (item.isSuspect || (item.from === 'lane' && this.#counts.isSuspect(item))) this.#countFirst(entry, item)
      else this.#parts.handOut(new OrderedDelivery(entry, item, this))
    } else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #countFirst(entry: GateEntry<ShardItem>, item: ShardItem): void {
    this.#counts.count(placeOf(item), (deliveryCount) => {
      item.deliveryCount = deliveryCount
      if (this.#isLeaving) this.#idle.remove(1)
      else this.#parts.handOut(new OrderedDelivery(entry, item, this))
    })
  }

  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const { group, names, context } = this.#parts
    const { message } = entry.delivery as ShardItem // handed out
    const letter = deadLetter(message, group, burial, context.runtime.now())
    const record = letterRecord(letter, context.runtime.newId())
    this.#publish(names.dead, 0, record, () => this.#done(entry))
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
    this.#publish(this.#parts.names.lane, this.shard, copy, () => {
      this.#gate.copied(entry)
      this.#idle.remove(1)
    })
  }

  #publish(topic: string, partition: number, record: RecordContent, done: () => void): void {
    this.#producer?.produce(topic, partition, record, sizeOf(record), (result) => {
      if (this.#ended) return
      if (result.outcome === 'accepted') return done()
      // Whatever it was about is still where it was; only a fresh start can tell in which order to go on.
      const what = `${topic} does not take a message of shard ${this.shard}`
      this.#fail(new WaybillError('WAYBILL_REFUSED', what, { cause: result.error }))
    })
  }

  #release(item: ShardItem): void {
    if (this.#ended) return
    this.#counts.settled(placeOf(item))
    if (item.from === 'lane') this.#lane?.done(item.offset)
    else this.#sources?.done(item.from, item.offset, () => !this.#ended)
    this.#parts.committer.changed()
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
}
