import { call } from './call.ts'
import type { Session } from './session.ts'

const TRIM_TIMEOUT_MS = 10_000

/** Lets the broker forget what lies before `offset` in a topic of ours. It is tried again with the next trim. */
export async function trim(session: Session, topic: string, partition: number, offset: bigint): Promise<void> {
  const leader = (await session.topic(topic))?.leaders[partition]
  if (leader === undefined) return
  const connection = await session.reach(leader, 'requests')
  if (connection === undefined) return
  const topics = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
  await call(connection, session.driver.deleteRecordsV2.api, topics, TRIM_TIMEOUT_MS)
}
