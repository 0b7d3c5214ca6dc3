import type { InspectedGroup } from '../../transport/engine.ts'
import type { Group } from '../../transport/transport.ts'
import type { DeadLetterIndex } from './dead-letters/dead-letter-index.ts'
import { CODE } from './kafka-errors.ts'
import type { KafkaLink } from './kafka-link.ts'
import { EARLIEST, LATEST, offsetsOf } from './offsets.ts'
import type { ShareOffsets } from './share/wire/share-offsets.ts'
import { isOrdered, namesOf } from './topic-names.ts'

export interface InspectedKafkaGroup extends InspectedGroup {
  /** By their ids. */
  readonly members: readonly string[]
}

/** What the cluster says of a group now. What does not exist counts as empty. */
export async function inspectGroup(
  link: KafkaLink,
  letters: DeadLetterIndex,
  group: Group,
): Promise<InspectedKafkaGroup> {
  const [depth, members, deadLetters] = await Promise.all([
    depthOf(link, group),
    membersOf(link, group),
    letters.count(link, group),
  ])
  const snapshot = { channel: group.channel.name, group: group.name, depth, consumers: members.length, deadLetters }
  return { snapshot, lag: depth, members }
}

async function depthOf(link: KafkaLink, group: Group): Promise<number> {
  const { id, topic, lane, again, laterId, later } = namesOf(group)
  if (isOrdered(group)) return await lagOf(link, id, [topic, lane, again])
  const { session, share } = link
  const [{ topics }, waits] = await Promise.all([
    session.coordinated('group', id, share.offsets, ({ errorCode }) => errorCode, id),
    lagOf(link, laterId, [later]),
  ])
  const lags = await Promise.all(topics.map((each) => sharedLag(link, each)))
  return lags.reduce((sum, lag) => sum + lag, waits)
}

/** Kafka 4.2.0 does not know the lag of a group of which no member has run: then it is all behind its start. */
async function sharedLag(
  { session }: KafkaLink,
  { topic, partitions }: ShareOffsets['topics'][number],
): Promise<number> {
  const isKnown = partitions.every(({ lag }) => lag >= 0n)
  const latest = isKnown ? [] : await offsetsOf(session, topic, LATEST)
  const behind = partitions.map(({ partition, start, lag }) => (lag >= 0n ? lag : (latest[partition] ?? start) - start))
  return behind.reduce((sum, lag) => sum + Math.max(0, Number(lag)), 0)
}

/** Of a consumer group: what is stored and not committed, but for what its metadata says is settled. */
async function lagOf({ session }: KafkaLink, id: string, topics: readonly string[]): Promise<number> {
  const lags = topics.map(async (topic) => {
    const [latest, earliest] = await Promise.all([
      offsetsOf(session, topic, LATEST),
      offsetsOf(session, topic, EARLIEST),
    ])
    if (latest.length === 0) return 0
    const partitionIndexes = latest.map((_, partition) => partition)
    const answer = await session.coordinated(
      'group',
      id,
      session.driver.offsetFetchV9.api,
      ({ groups }) => groups[0]?.errorCode ?? CODE.none,
      [{ groupId: id, memberEpoch: -1, topics: [{ name: topic, partitionIndexes }] }],
      false,
    )
    const committed = answer.groups[0]?.topics[0]?.partitions ?? []
    return latest.reduce((sum, end, partition) => {
      const found = committed.find(({ partitionIndex }) => partitionIndex === partition)?.committedOffset ?? -1n
      const from = found < 0n ? (earliest[partition] ?? 0n) : found
      return sum + Math.max(0, Number(end - from))
    }, 0)
  })
  return (await Promise.all(lags)).reduce((sum, lag) => sum + lag, 0)
}

async function membersOf({ session, share }: KafkaLink, group: Group): Promise<readonly string[]> {
  const { id } = namesOf(group)
  if (!isOrdered(group)) {
    const codeOf = ({ errorCode }: { readonly errorCode: number }): number => errorCode
    const answer = await session.coordinated('group', id, share.describe, codeOf, id)
    return answer.members
  }
  const answer = await session.coordinated(
    'group',
    id,
    session.driver.consumerGroupDescribeV0.api,
    ({ groups }) => groups[0]?.errorCode ?? CODE.none,
    [id],
    false,
  )
  return answer.groups[0]?.members.map(({ memberId }) => memberId) ?? []
}
