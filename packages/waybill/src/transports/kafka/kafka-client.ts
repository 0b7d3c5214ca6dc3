// A plain look into a cluster, for tools and tests: what the seam only counts.
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { Link } from '../../transport/link.ts'
import type { Group, Topology } from '../../transport/transport.ts'
import type { ClusterSettings } from './broker-address.ts'
import { call } from './call.ts'
import { LetterLog } from './dead-letters/letter-log.ts'
import { letterIn } from './dead-letters/letter-record.ts'
import { brokerError, CODE } from './kafka-errors.ts'
import { loadDriver } from './driver.ts'
import { Fetcher } from './fetcher.ts'
import { linkSettings, openSession, type KafkaAddress } from './open-connection.ts'
import type { Session } from './session.ts'
import { EARLIEST, LATEST, offsetsOf } from './offsets.ts'
import type { FetchedRecord } from './partition-reader.ts'
import { readPartition } from './read-partition.ts'
import { trim } from './trim.ts'
import { untilSettled } from './until-settled.ts'
import { LEAVE, shareApis } from './share/share-apis.ts'
import { answersTopic, groupTopics, isOrdered, laterTopic, namesOf, topicOf } from './topic-names.ts'

const TIMEOUT_MS = 15_000

export class KafkaClient {
  readonly #link: Link<KafkaAddress, Session>

  private constructor(link: Link<KafkaAddress, Session>) {
    this.#link = link
  }

  static async open(settings: ClusterSettings, runtime: Runtime): Promise<KafkaClient> {
    const told = { up: () => undefined, down: () => undefined, trouble: () => undefined }
    const link = new Link<KafkaAddress, Session>(
      runtime,
      linkSettings(settings, () => []),
      told,
    )
    await link.connect(openSession(await loadDriver(), settings, runtime), new AbortController().signal)
    return new KafkaClient(link)
  }

  /** What lies there now, oldest first; it stays. */
  async deadLetters(group: Group): Promise<readonly WireMessage[]> {
    const session = this.#link.connection
    const { dead } = namesOf(group)
    const [[earliest = 0n], [latest = 0n]] = await Promise.all([
      offsetsOf(session, dead, EARLIEST),
      offsetsOf(session, dead, LATEST),
    ])
    if (latest <= earliest) return []
    const log = new LetterLog(Number(earliest))
    const records: FetchedRecord[] = []
    const fetcher = new Fetcher(session, 'shared')
    await readPartition({ session, fetcher }, { topic: dead, partition: 0, from: earliest, end: latest }, (record) => {
      log.learn(record, 0)
      records.push(record)
    })
    return records.filter(({ offset }) => log.letters.has(Number(offset))).map(letterIn)
  }

  /** A topic of ordinary clients. */
  async makeTopic(name: string): Promise<void> {
    const session = this.#link.connection
    const topics = [{ name, numPartitions: 1, replicationFactor: -1, assignments: [], configs: [] }]
    const answer = await call(session.control, session.driver.createTopicsV7.api, topics, TIMEOUT_MS, false)
    const code = answer.topics[0]?.errorCode ?? CODE.none
    if (code !== CODE.none) throw brokerError(code, `topic ${name}`)
    await untilSettled(
      session,
      () => session.topics([name]),
      (found) => (found.has(name) ? CODE.none : CODE.unknownTopicId),
    )
  }

  /** What lies before that offset is gone, as after its retention. */
  async deleteBefore(topic: string, partition: number, offset: bigint): Promise<void> {
    await trim(this.#link.connection, topic, partition, offset)
  }

  /** Strikes all members off, as the coordinator does with those it has not heard of. They are not told. */
  async dropMembers(group: Group): Promise<void> {
    const session = this.#link.connection
    const { id } = namesOf(group)
    const share = shareApis(session.driver)
    if (!isOrdered(group)) {
      const { members } = await session.coordinated('group', id, share.describe, ({ errorCode }) => errorCode, id)
      const codeOf = ({ errorCode }: { readonly errorCode: number }): number => errorCode
      for (const member of members)
        await session.coordinated('group', id, share.heartbeat, codeOf, id, member, LEAVE, null)
      return
    }
    const { consumerGroupDescribeV0, consumerGroupHeartbeatV0 } = session.driver
    const described = await session.coordinated(
      'group', id, consumerGroupDescribeV0.api, ({ groups }) => groups[0]?.errorCode ?? CODE.none, [id], false,
    ) // prettier-ignore
    for (const { memberId } of described.groups[0]?.members ?? [])
      await session.coordinated(
        'group', id, consumerGroupHeartbeatV0.api, ({ errorCode }) => errorCode,
        id, memberId, LEAVE, null, null, 0, null, null, null, null,
      ) // prettier-ignore
  }

  /** Deletes the topics of channels and groups. */
  async remove({ channels, groups }: Topology): Promise<void> {
    const session = this.#link.connection
    const names = new Set<string>()
    for (const channel of channels)
      for (const name of [topicOf(channel), laterTopic(channel).name, answersTopic(channel).name]) names.add(name)
    for (const group of groups) for (const { name } of groupTopics(group)) names.add(name)
    if (names.size === 0) return
    const topics = [...names].map((name) => ({ name }))
    await call(session.control, session.driver.deleteTopicsV6.api, topics, TIMEOUT_MS)
  }

  close(): void {
    void this.#link.close(0)
  }
}
