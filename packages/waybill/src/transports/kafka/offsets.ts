import { call } from './call.ts'
import { brokerError, CODE, whereTopicIsKnown } from './kafka-errors.ts'
import type { Session } from './session.ts'
import { untilSettled } from './until-settled.ts'

/** What ListOffsets takes in the place of a time. */
export const LATEST = -1
export const EARLIEST = -2

/**
 * For each partition of the topic: the first offset behind everything (`LATEST`), the oldest kept (`EARLIEST`), or the
 * first one stored at that time or later; behind everything where there is none. Empty when there is no such topic.
 */
export async function offsetsOf(session: Session, topic: string, at: number): Promise<readonly bigint[]> {
  const offsets = await untilSettled(
    session,
    () => ask(session, topic, at),
    (answer) => answer.code,
  )
  if (offsets.code !== CODE.none) throw brokerError(offsets.code, `offsets of topic ${topic}`)
  const { values } = offsets
  if (at < 0 || !values.includes(-1n)) return values
  const latest = await offsetsOf(session, topic, LATEST)
  return values.map((value, partition) => (value === -1n ? (latest[partition] ?? 0n) : value))
}

async function ask(session: Session, topic: string, at: number) {
  const info = await session.topic(topic)
  const values: bigint[] = []
  if (info === undefined) return { code: CODE.none, values }
  const byLeader = new Map<number, number[]>()
  info.leaders.forEach((leader, partition) => {
    const partitions = byLeader.get(leader)
    if (partitions === undefined) byLeader.set(leader, [partition])
    else partitions.push(partition)
  })
  let code: number = CODE.none
  const asked = [...byLeader].map(async ([leader, partitions]) => {
    const of = partitions.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: BigInt(at) }))
    const connection = leader < 0 ? undefined : await session.reach(leader, 'requests')
    if (connection === undefined) {
      code = CODE.notLeader
      return
    }
    const answer = await call(connection, session.driver.listOffsetsV8.api, -1, 0, [{ name: topic, partitions: of }])
    for (const { partitionIndex, offset, errorCode } of answer.topics[0]?.partitions ?? []) {
      values[partitionIndex] = offset
      if (errorCode !== CODE.none) code = whereTopicIsKnown(errorCode)
    }
  })
  await Promise.all(asked)
  if (code !== CODE.none) session.forget(topic)
  return { code, values }
}
