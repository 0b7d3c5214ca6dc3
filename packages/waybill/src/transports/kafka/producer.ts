// Kafka's idempotent producer, for one session: acks from all in-sync replicas, and a number for each record of a
// partition, so that a request that is sent again stores nothing twice and nothing out of place.
//
// One request at a time is on its way for a partition; what is handed over meanwhile is the next batch. So batches grow
// with the load, and the order of a partition survives every retry.
import { WaybillError } from '../../message/errors.ts'
import { call } from './call.ts'
import { brokerError, CODE, isPassing, whereTopicIsKnown } from './kafka-errors.ts'
import type { RecordContent } from './record-mapping.ts'
import type { Session } from './session.ts'
import { untilSettled } from './until-settled.ts'

export type Produced =
  | { readonly outcome: 'accepted'; readonly offset: bigint }
  | { readonly outcome: 'refused' | 'unknown'; readonly error: Error }

interface Entry {
  readonly record: RecordContent
  readonly size: number
  readonly done: (result: Produced) => void
}

interface Lane {
  readonly topic: string
  readonly partition: number
  entries: Entry[]
  /** On their way, or to be sent again. */
  batch: Entry[]
  sequence: number
  isBusy: boolean
  /** Since when the present batch is not taken; in `monotonic` milliseconds. */
  firstTriedAt: number
  tries: number
}

/**
 * Bytes of one batch, but for a single large record. A broker hands a batch out whole, also to the member of a share group
 * that has room for one record of it; so larger ones would be sent many times over.
 */
const MAX_BATCH_BYTES = 128 * 1_024
/** How long a leader may be missing, or replicas out of sync, before the sender is told. */
const GIVE_UP_MS = 30_000
/** Enough to keep the connection busy through any pause of the event loop, and no more than a process can hold. */
const MAX_WAITING = 65_536
const MAX_WAITING_BYTES = 128 * 1_024 * 1_024
const PRODUCE_TIMEOUT_MS = 15_000
const ALL_IN_SYNC = -1
/** Sequence out of order, epoch outdated, producer not known, producer fenced. */
const OUTDATED: ReadonlySet<number> = new Set([45, 47, 59, 90])
const MAX_SEQUENCE = 0x7fffffff

export interface ProducerIdentity {
  readonly id: bigint
  readonly epoch: number
}

export interface ProducerEvents {
  /** Another one has taken its name: nothing of it is stored any more. */
  fenced(error: Error): void
  /** The broker makes it wait, since it has used up its quota. */
  throttled(forMs: number): void
}

export class Producer {
  readonly #session: Session
  readonly #identity: ProducerIdentity
  readonly #events: ProducerEvents
  readonly #lanes = new Map<string, Lane>()
  readonly #ready = new Set<Lane>()
  #flushing = false
  /** Records not answered yet. */
  #waiting = 0
  #waitingBytes = 0
  #idlers: (() => void)[] = []

  constructor(session: Session, identity: ProducerIdentity, events: ProducerEvents) {
    this.#session = session
    this.#identity = identity
    this.#events = events
  }

  /** A producer without a name, as each session has one. */
  static async open(session: Session, throttled: ProducerEvents['throttled']): Promise<Producer> {
    const api = session.driver.initProducerIdV4.api
    const { producerId, producerEpoch, errorCode } = await untilSettled(
      session,
      () => call(session.control, api, null, 0),
      (answer) => answer.errorCode,
    )
    if (errorCode !== CODE.none) throw brokerError(errorCode, 'no producer id')
    // The broker no longer counts with us: a new session has a new name.
    const fenced = (error: Error): void => session.end(error)
    return new Producer(session, { id: producerId, epoch: producerEpoch }, { fenced, throttled })
  }

  /** Whether it takes one more. Moves from topic to topic are bounded by the prefetch, and do not ask. */
  get hasRoom(): boolean {
    return this.#waiting < MAX_WAITING && this.#waitingBytes < MAX_WAITING_BYTES
  }

  /** The partition exists. `done` is called once, in the order of the partition. */
  produce(topic: string, partition: number, record: RecordContent, size: number, done: Entry['done']): void {
    const key = `${partition}/${topic}`
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = { topic, partition, entries: [], batch: [], sequence: 0, isBusy: false, firstTriedAt: 0, tries: 0 }
      this.#lanes.set(key, lane)
    }
    lane.entries.push({ record, size, done })
    this.#waiting++
    this.#waitingBytes += size
    this.#makeReady(lane)
  }

  /** Resolves when everything is answered. The caller bounds it. */
  idle(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idlers.push(resolve))
  }

  /** The session has ended: what was on its way is unknown, the rest was never sent. */
  end(reason: Error): void {
    const unknown = new WaybillError('WAYBILL_OUTCOME_UNKNOWN', 'the link was lost before Kafka answered', {
      cause: reason,
    })
    for (const lane of this.#lanes.values()) {
      const [batch, entries] = [lane.batch, lane.entries]
      lane.batch = []
      lane.entries = []
      this.#answer(batch, () => ({ outcome: 'unknown', error: unknown }))
      this.#answer(entries, () => ({ outcome: 'refused', error: reason }))
    }
  }

  #makeReady(lane: Lane): void {
    if (lane.isBusy) return
    this.#ready.add(lane)
    if (this.#flushing) return
    this.#flushing = true
    this.#session.runtime.defer(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** One request for each broker, with a batch of every partition that it leads. */
  #flush(): void {
    const byLeader = new Map<number, Lane[]>()
    for (const lane of this.#ready) {
      if (lane.batch.length === 0) lane.batch = takeBatch(lane)
      if (lane.batch.length === 0) continue
      const leader = this.#session.knownTopic(lane.topic)?.leaders[lane.partition]
      if (leader === undefined || leader < 0) {
        this.#again(lane, CODE.unknownTopicOrPartition)
        continue
      }
      lane.isBusy = true
      const lanes = byLeader.get(leader)
      if (lanes === undefined) byLeader.set(leader, [lane])
      else lanes.push(lane)
    }
    this.#ready.clear()
    for (const [leader, lanes] of byLeader) void this.#send(leader, lanes)
  }

  async #send(leader: number, lanes: readonly Lane[]): Promise<void> {
    const timestamp = BigInt(this.#session.runtime.now())
    const messages = lanes.flatMap(({ topic, partition, batch }) =>
      // The client writes `null` as no value, though its types have none.
      batch.map(({ record }) => ({ topic, partition, timestamp, ...record, value: record.value as Buffer })),
    )
    const sequences = new this.#session.driver.NumericMap()
    for (const { topic, partition, sequence } of lanes) sequences.set(`${topic}:${partition}`, sequence)
    const options = { producerId: this.#identity.id, producerEpoch: this.#identity.epoch, sequences }
    try {
      const connection = await this.#session.reach(leader, 'produce')
      if (connection === undefined) {
        for (const lane of lanes) this.#again(lane, CODE.notLeader)
        return
      }
      const api = this.#session.driver.produceV11.api
      const answer = await call(connection, api, ALL_IN_SYNC, PRODUCE_TIMEOUT_MS, messages, options)
      if (answer.throttleTimeMs > 0) this.#events.throttled(answer.throttleTimeMs)
      for (const lane of lanes) {
        const of = answer.responses.find(({ name }) => name === lane.topic)
        const found = of?.partitionResponses.find(({ index }) => index === lane.partition)
        this.#answered(lane, found?.errorCode ?? -1, found?.baseOffset ?? -1n, found?.errorMessage)
      }
    } catch (error) {
      // The session is told of a lost connection, and ends this producer; anything else would repeat itself for ever.
      for (const lane of lanes) lane.isBusy = false
      this.#session.end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #answered(lane: Lane, code: number, offset: bigint, detail: string | null | undefined): void {
    lane.isBusy = false
    if (code === CODE.none || code === CODE.duplicateSequence) {
      const { batch } = lane
      lane.batch = []
      lane.tries = 0
      lane.sequence = (lane.sequence + batch.length) % (MAX_SEQUENCE + 1)
      this.#answer(batch, (n) => ({ outcome: 'accepted', offset: offset + BigInt(n) }))
      if (lane.entries.length > 0) this.#makeReady(lane)
      return
    }
    if (isPassing(whereTopicIsKnown(code))) return this.#again(lane, whereTopicIsKnown(code))
    const what = `topic ${lane.topic} does not take a batch`
    this.#giveUp(lane, 'refused', brokerError(code, what, detail))
    if (OUTDATED.has(code)) this.#events.fenced(brokerError(code, what, detail))
  }

  /** The same batch once more, when the leader is known again. */
  #again(lane: Lane, code: number): void {
    const { runtime } = this.#session
    if (lane.tries++ === 0) lane.firstTriedAt = runtime.monotonic()
    const mayBeStored = code === CODE.requestTimedOut || code === CODE.notEnoughReplicasAfterAppend
    const spent = runtime.monotonic() - lane.firstTriedAt > GIVE_UP_MS
    if (spent || (code === CODE.unknownTopicOrPartition && lane.tries > 3)) {
      const error = brokerError(code, `topic ${lane.topic} takes nothing`)
      return this.#giveUp(lane, mayBeStored ? 'unknown' : 'refused', error)
    }
    lane.isBusy = true
    const waitMs = Math.min(500, 20 * 2 ** lane.tries)
    runtime.setTimer(waitMs, () => {
      this.#session.topics([lane.topic]).then(
        () => {
          lane.isBusy = false
          this.#makeReady(lane)
        },
        // The session has ended, and this producer with it.
        () => undefined,
      )
    })
  }

  #giveUp(lane: Lane, outcome: 'refused' | 'unknown', error: Error): void {
    const { batch } = lane
    lane.batch = []
    lane.tries = 0
    this.#answer(batch, () => ({ outcome, error }))
    if (lane.entries.length > 0) this.#makeReady(lane)
  }

  #answer(entries: readonly Entry[], result: (n: number) => Produced): void {
    this.#waiting -= entries.length
    for (const { size } of entries) this.#waitingBytes -= size
    entries.forEach(({ done }, n) => done(result(n)))
    if (this.#waiting > 0) return
    const idlers = this.#idlers
    this.#idlers = []
    for (const wake of idlers) wake()
  }
}

/** As much as one batch may hold; at least one. */
function takeBatch(lane: Lane): Entry[] {
  let bytes = 0
  let count = 0
  while (count < lane.entries.length) {
    bytes += (lane.entries[count] as Entry).size // below length
    if (count > 0 && bytes > MAX_BATCH_BYTES) break
    count++
  }
  if (count < lane.entries.length) return lane.entries.splice(0, count)
  const all = lane.entries
  lane.entries = []
  return all
}
