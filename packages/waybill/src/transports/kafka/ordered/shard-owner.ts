// One shard, from the moment that the coordinator gives it to this member until it has let go.
//
// A shard is two partitions of one number: the channel's, and the group's lane, in which failed messages and those that
// follow them wait. The coordinator gives out the channel's; who has it writes to the lane, and nobody else can:
//
//   1  a producer named after group and shard is opened anew, which outdates the former owner's
//   2  with it a marker is written to the lane. From then on the broker refuses what the former owner still writes there,
//      and the marker's offset is larger than that of every earlier owner: the fencing token
//   3  the lane is read from its commit up to the marker: every blocked key is known
//   4  lane entries, and the channel's partition from its commit, are handed out
//
// Commits of a former owner are refused by the coordinator, so a commit that is read in step 3 and 4 stays true.
import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type { Deadlines } from '../../../runtime/deadlines.ts'
import { deadLetter, type Burial } from '../../../transport/dead-letter.ts'
import { Idle } from '../../../transport/idle.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import type { Committer } from '../group/committer.ts'
import { ContiguousOffsets } from '../group/contiguous-offsets.ts'
import type { KafkaLink } from '../kafka-link.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import type { Fetcher } from '../fetcher.ts'
import { EARLIEST, offsetsOf } from '../offsets.ts'
import type { FetchedRecord, PartitionReader } from '../partition-reader.ts'
import type { Producer } from '../producer.ts'
import { fromRecord, sizeOf, toRecord, type RecordContent } from '../record-mapping.ts'
import { retried } from '../../../transport/settled-message.ts'
import type { GroupNames } from '../topic-names.ts'
import { trim } from '../trim.ts'
import { fromLane, isMarker, toLane } from './lane-message.ts'
import { LaneLog } from './lane-log.ts'
import { MainWindow } from './main-window.ts'
import { markLane, openShardProducer } from './shard-producer.ts'
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
  readonly #wakes = new Map<string, number>()
  #producer: Producer | undefined
  #main: ContiguousOffsets | undefined
  #lane: LaneLog | undefined
  #readers: PartitionReader[] = []
  #window: MainWindow | undefined
  #refilling = false
  #callOff: () => void = () => undefined
  #isAssigned = false
  #ended = false

  constructor(shard: number, parts: ShardParts) {
    this.shard = shard
    this.#parts = parts
    const { context } = parts
    this.#idle = new Idle(context.runtime)
    this.#gate = new ShardGate<ShardItem>({
      now: () => context.runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => this.#release(item),
      copy: (entry) => this.#copy(entry),
      wakeAt: (key, due) => this.#wakeAt(key, due),
    })
  }

  get isAssigned(): boolean {
    return this.#isAssigned && !this.#ended
  }

  /** Takes the shard over. */
  async start(): Promise<void> {
    const { link, names, committer } = this.#parts
    const { session } = link
    await session.topics([names.topic, names.lane])
    const producer = await openShardProducer(link, names, this.shard, (error) => this.#fail(error))
    if (this.#ended) return
    this.#producer = producer
    this.#callOff = session.onEnd((error) => producer.end(error))
    const marker = await markLane(producer, names, this.shard)
    this.fencing = Number(marker) + 1
    const [main, lane, earliest] = await Promise.all([
      committer.committed(names.topic, this.shard),
      committer.committed(names.lane, this.shard),
      offsetsOf(session, names.lane, EARLIEST),
    ])
    if (this.#ended) return
    if (main.offset < 0n) throw new WaybillError('WAYBILL_POSITION_GONE', `group ${names.id} has no position`)
    this.#lane = new LaneLog(lane, earliest[this.shard] ?? 0n, {
      renew: (item) => this.#gate.renew(item.message.key ?? '', item),
      trim: (before) => this.#trimLane(before),
    })
    this.#main = new ContiguousOffsets(main.offset, main.metadata)
    committer.track(names.topic, this.shard, this.#main)
    committer.track(names.lane, this.shard, this.#lane.offsets)
    this.#read(
      names.lane,
      this.#lane.offsets.position,
      () => false,
      (records) => this.#takeLane(records, marker),
    )
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
    this.#gate.shut()
    this.#stopReading()
    await this.#idle.wait(graceMs)
    const { names, committer } = this.#parts
    this.end()
    await committer.forget({ topic: names.topic, partition: this.shard }, { topic: names.lane, partition: this.shard })
  }

  /** The shard is no longer ours. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#callOff()
    this.#producer?.end(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `shard ${this.shard} has another owner`))
    this.#gate.shut()
    this.#stopReading()
    this.#idle.reset()
  }

  #read(topic: string, offset: bigint, isFull: () => boolean, take: (records: readonly FetchedRecord[]) => void): void {
    const reader: PartitionReader = {
      topic,
      partition: this.shard,
      offset,
      get isFull() {
        return isFull()
      },
      take: (records) => {
        if (!this.#ended) take(records)
      },
      failed: (error) => this.#fail(error),
    }
    this.#readers.push(reader)
    this.#parts.fetcher.add(reader)
  }

  #stopReading(): void {
    for (const reader of this.#readers) this.#parts.fetcher.remove(reader)
    this.#readers = []
  }

  #takeLane(records: readonly FetchedRecord[], marker: bigint): void {
    for (const record of records) {
      const { offset } = record
      if (this.#lane?.offsets.arrived(offset) === true) {
        const message = fromRecord(record, record.timestamp)
        if (isMarker(message)) this.#lane.done(offset)
        else this.#enterLane(message, offset)
      }
      if (offset === marker) this.#open()
    }
    this.#parts.committer.changed()
  }

  #enterLane(laneMessage: ReturnType<typeof fromRecord>, offset: bigint): void {
    const { message, sequence, due } = fromLane(laneMessage)
    const delivery: ShardItem = { message, from: 'lane', offset }
    this.#lane?.entered(delivery)
    const { id, key = '', attempt } = message
    this.#gate.fromLane({ id, key, sequence, attempt, due, delivery })
  }

  /** Every blocked key is known. */
  #open(): void {
    this.#isAssigned = true
    this.#parts.assigned(this)
    this.#gate.openLane()
    this.#gate.openMain()
    const { names, window, committer, fetcher } = this.#parts
    const main = this.#main as ContiguousOffsets // read before the lane
    const enters = (this.#window = new MainWindow(main, window, {
      enter: (record) => this.#enterMain(record, main),
      changed: () => committer.changed(),
      wake: () => fetcher.wake(),
    }))
    this.#read(
      names.topic,
      main.position,
      () => enters.isFull,
      (records) => enters.take(records),
    )
  }

  #enterMain(record: FetchedRecord, main: ContiguousOffsets): void {
    const message = fromRecord(record, record.timestamp)
    const { types } = this.#parts.group
    if (types !== undefined && !types.includes(message.type)) return main.done(record.offset)
    const item: ShardItem = { message, from: 'main', offset: record.offset }
    // A message without a key is ordered among its like.
    this.#gate.fromMain(message.id, message.key ?? '', message.attempt, item)
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate hands out what was delivered
    this.#idle.add(1)
    const { expiresAt } = item.message
    if (expiresAt === undefined || expiresAt > this.#parts.context.runtime.now())
      this.#parts.handOut(new OrderedDelivery(entry, item, this))
    else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const { group, names, context } = this.#parts
    const { message } = entry.delivery as ShardItem // handed out
    const record = toRecord(deadLetter(message, group, burial, context.runtime.now()))
    this.#publish(names.dead, 0, record, () => this.#done(entry))
  }

  #done(entry: GateEntry<ShardItem>): void {
    this.#gate.done(entry)
    this.#idle.remove(1)
  }

  #copy(entry: GateEntry<ShardItem>): void {
    const { message } = entry.delivery as ShardItem // the gate copies what was delivered
    this.#idle.add(1)
    const copy = toRecord(toLane(message, entry.sequence as number, entry.due, entry.attempt)) // a copy has its sequence
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
    if (item.from === 'main') {
      this.#main?.done(item.offset)
      this.#refill()
    } else {
      this.#lane?.done(item.offset)
    }
    this.#parts.committer.changed()
  }

  /** Once for all that are settled in one turn. */
  #refill(): void {
    if (this.#refilling) return
    this.#refilling = true
    this.#parts.context.runtime.defer(() => {
      this.#refilling = false
      if (!this.#ended) this.#window?.fill()
    })
  }

  /** What is committed in the lane is needed no more. */
  #trimLane(before: bigint): void {
    const { link, names, context, committer } = this.#parts
    committer
      .flush()
      .then(() => trim(link.session, names.lane, this.shard, before))
      .catch((error: unknown) => context.emit({ type: 'error', error: asError(error) }))
  }

  #wakeAt(key: string, due: number): void {
    if (this.#wakes.get(key) === due) return
    this.#wakes.set(key, due)
    this.#parts.deadlines.add(due - this.#parts.context.runtime.now(), () => {
      if (this.#ended) return
      if (this.#wakes.get(key) === due) this.#wakes.delete(key)
      this.#gate.wake(key)
    })
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#gate.shut()
    this.#parts.failed(error)
  }
}
