import { WaybillError } from '../../../message/errors.ts'
import { brokerError, CODE } from '../kafka-errors.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { Producer } from '../producer.ts'
import { sizeOf, type RecordContent } from '../record-mapping.ts'
import type { GroupNames } from '../topic-names.ts'
import { leftRecord, markerRecord } from './lane-message.ts'

const TRANSACTION_TIMEOUT_MS = 60_000

/**
 * The producer of a group's shard, whose name no two processes have at a time: opening it outdates the one that was opened
 * before. No transaction is ever begun with it.
 *
 * @param failed somebody else has opened it meanwhile, or a message was not taken; not called once it has ended
 */
export async function openShardProducer(
  link: KafkaLink,
  names: GroupNames,
  shard: number,
  failed: (error: Error) => void,
): Promise<ShardProducer> {
  const { session } = link
  const name = `${names.id}--${shard}`
  const answer = await session.coordinated(
    'transaction',
    name,
    session.driver.initProducerIdV4.api,
    ({ errorCode }) => errorCode,
    name,
    TRANSACTION_TIMEOUT_MS,
  )
  if (answer.errorCode !== CODE.none) throw brokerError(answer.errorCode, `producer ${name}`)
  // Its quota is that of the whole client, which another producer reports.
  const events = { fenced: failed, throttled: () => undefined }
  const producer = new Producer(session, { id: answer.producerId, epoch: answer.producerEpoch }, events)
  return new ShardProducer(producer, link, names, shard, failed)
}

/** What a shard's owner writes: to the group's lane, and to its dead letters. */
export class ShardProducer {
  readonly #producer: Producer
  readonly #link: KafkaLink
  readonly #names: GroupNames
  readonly #shard: number
  readonly #failed: (error: Error) => void
  readonly #callOff: () => void
  #ended = false

  constructor(producer: Producer, link: KafkaLink, names: GroupNames, shard: number, failed: (error: Error) => void) {
    this.#producer = producer
    this.#link = link
    this.#names = names
    this.#shard = shard
    this.#failed = failed
    this.#callOff = link.session.onEnd((error) => producer.end(error))
  }

  /** Stores a marker in the lane, behind which nothing of an outdated producer is stored. Answers its offset. */
  markLane(): Promise<bigint> {
    const record = markerRecord(this.#names.id)
    return new Promise((resolve, reject) => {
      this.#producer.produce(this.#names.lane, this.#shard, record, sizeOf(record), (result) => {
        if (result.outcome === 'accepted') resolve(result.offset)
        else reject(result.error)
      })
    })
  }

  /** Who comes next need not suspect anything. Resolves when that is stored, or cannot be. */
  sayLeft(): Promise<void> {
    const { session } = this.#link
    const record = leftRecord(this.#names.id)
    return new Promise((resolve) => {
      const callOff = session.onEnd(() => resolve())
      // Of a session that has ended nothing is answered any more.
      if (session.fault !== undefined) return
      this.#producer.produce(this.#names.lane, this.#shard, record, sizeOf(record), () => {
        callOff()
        resolve()
      })
    })
  }

  toLane(record: RecordContent, stored: () => void): void {
    this.#produce(this.#names.lane, this.#shard, record, stored)
  }

  toDeadLetters(record: RecordContent, stored: () => void): void {
    this.#produce(this.#names.dead, 0, record, stored)
  }

  /** Nothing that was not answered will be. */
  end(error: Error): void {
    this.#ended = true
    this.#callOff()
    this.#producer.end(error)
  }

  #produce(topic: string, partition: number, record: RecordContent, stored: () => void): void {
    this.#producer.produce(topic, partition, record, sizeOf(record), (result) => {
      if (this.#ended) return
      if (result.outcome === 'accepted') return stored()
      // Whatever it was about is still where it was; only a fresh start can tell in which order to go on.
      const what = `${topic} does not take a message of shard ${this.#shard}`
      this.#failed(new WaybillError('WAYBILL_REFUSED', what, { cause: result.error }))
    })
  }
}
