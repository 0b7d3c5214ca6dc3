import { brokerError, CODE } from '../kafka-errors.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { Producer } from '../producer.ts'
import { sizeOf } from '../record-mapping.ts'
import type { GroupNames } from '../topic-names.ts'
import { leftRecord, markerRecord } from './lane-message.ts'

const TRANSACTION_TIMEOUT_MS = 60_000

/**
 * The producer of a group's shard, whose name no two processes have at a time: opening it outdates the one that was opened
 * before. No transaction is ever begun with it.
 *
 * @param fenced somebody else has opened it meanwhile
 */
export async function openShardProducer(
  { session }: KafkaLink,
  { id }: GroupNames,
  shard: number,
  fenced: (error: Error) => void,
): Promise<Producer> {
  const name = `${id}--${shard}`
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
  const events = { fenced, throttled: () => undefined }
  return new Producer(session, { id: answer.producerId, epoch: answer.producerEpoch }, events)
}

/** Stores a marker in the lane, behind which nothing of an outdated producer is stored. Answers its offset. */
export function markLane(producer: Producer, { id, lane }: GroupNames, shard: number): Promise<bigint> {
  const record = markerRecord(id)
  return new Promise((resolve, reject) => {
    producer.produce(lane, shard, record, sizeOf(record), (result) => {
      if (result.outcome === 'accepted') resolve(result.offset)
      else reject(result.error)
    })
  })
}

/** Who comes next need not suspect anything. Resolves when that is stored, or cannot be. */
export function sayLeft(
  producer: Producer,
  { session }: KafkaLink,
  { id, lane }: GroupNames,
  shard: number,
): Promise<void> {
  const record = leftRecord(id)
  return new Promise((resolve) => {
    const callOff = session.onEnd(() => resolve())
    // Of a session that has ended nothing is answered any more.
    if (session.fault !== undefined) return
    producer.produce(lane, shard, record, sizeOf(record), () => {
      callOff()
      resolve()
    })
  })
}
