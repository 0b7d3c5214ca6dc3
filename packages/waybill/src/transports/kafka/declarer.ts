import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group, StartPosition } from '../../transport/transport.ts'
import { call } from './call.ts'
import { brokerError, CODE, whereTopicIsKnown } from './kafka-errors.ts'
import type { KafkaLink } from './kafka-link.ts'
import { EARLIEST, LATEST, offsetsOf } from './offsets.ts'
import { Registry } from './registry.ts'
import type { TopicInfo } from './cluster-map.ts'
import { startOffsets } from './start-offsets.ts'
import { channelTopic, groupTopics, isOrdered, laterTopic, namesOf, SIGNALS_KEPT_MS, topicOf } from './topic-names.ts'
import { TOPOLOGY_TOPIC, type TopicSpec } from './topic-names.ts'
import { untilSettled } from './until-settled.ts'

const CREATE_TIMEOUT_MS = 15_000
/** Largest record of our topics: a body of `MAX_MESSAGE_BYTES` and what goes with it. */
const MAX_RECORD_BYTES = 9 * 1_024 * 1_024
export const MAX_MESSAGE_BYTES: number = 8 * 1_024 * 1_024

const CONFIGS: Readonly<Record<TopicSpec['keeps'], Readonly<Record<string, string>>>> = {
  channel: {},
  ours: { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' },
  signals: { 'segment.ms': String(SIGNALS_KEPT_MS), 'cleanup.policy': 'delete' },
  letters: {
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'cleanup.policy': 'compact,delete',
    'segment.ms': '3600000',
  },
  answers: { 'retention.ms': '3600000', 'cleanup.policy': 'delete' },
}

/** Makes topics exist, and asks the registry who may use them how. */
export class Declarer {
  readonly registry: Registry
  readonly #link: () => KafkaLink
  readonly #replicationFactor: number

  /** @param replicationFactor -1: the cluster's */
  constructor(link: () => KafkaLink, replicationFactor: number) {
    this.#link = link
    this.#replicationFactor = replicationFactor
    this.registry = new Registry(link, () => this.topics([{ name: TOPOLOGY_TOPIC, partitions: 1, keeps: 'ours' }]))
  }

  /** What a sender declares. A query's topic is left to who answers it, so that what nobody has ever answered is refused. */
  async channel(channel: Channel): Promise<void> {
    if (channel.foreign !== undefined) return await this.#requireForeign(channel)
    if (channel.kind === 'query') return
    const later = channel.kind === 'command' || channel.kind === 'document' ? [laterTopic(channel)] : []
    await this.topics([channelTopic(channel), ...later])
  }

  /** Resolves when the group exists: its messages from then on are kept for it. */
  async group(group: Group, start: StartPosition): Promise<void> {
    const { channel } = group
    const names = namesOf(group)
    await this.claim(group)
    if (channel.foreign !== undefined) await this.#requireForeign(channel)
    const later = hasOneRecipient(channel.kind) && channel.foreign === undefined ? [laterTopic(channel)] : []
    await this.topics([
      ...(channel.foreign === undefined ? [channelTopic(channel)] : []),
      ...later,
      ...groupTopics(group),
    ])
    if (channel.kind === 'events' && channel.foreign === undefined) await this.#agreeOnOrder(group)
    // A queue: what was sent before its owner ever ran is for it.
    const from = hasOneRecipient(channel.kind) || channel.kind === 'reply' ? 'earliest' : start
    const { session } = this.#link()
    const answer = await this.registry.settle(`start:${names.id}`, async () => {
      const offsets = await startOffsets(session, names.topic, from)
      return JSON.stringify(Object.fromEntries(offsets.map((offset, partition) => [partition, String(offset)])))
    })
    const starts = new Map<number, bigint>()
    for (const [partition, offset] of Object.entries(JSON.parse(answer) as Record<string, string>))
      starts.set(Number(partition), BigInt(offset))
    if (isOrdered(group)) await this.#commitStart(names.id, names.topic, starts)
    else await this.#shareFrom(names.id, names.topic, names.again, starts)
  }

  /** @throws {WaybillError} WAYBILL_COMMAND_CLAIMED when another service has claimed the channel */
  async claim(group: Group): Promise<void> {
    const { kind, name, foreign } = group.channel
    if (!hasOneRecipient(kind) || foreign !== undefined) return
    const owner = await this.registry.settle(`owner:${name}`, () => group.name)
    if (owner === group.name) return
    throw new WaybillError(
      'WAYBILL_COMMAND_CLAIMED',
      `${group.name} claims the ${kind} ${name}, which ${owner} has claimed`,
      {
        cure: `Let one service handle it; to release the claim, send a record with the key owner:${name} and no value to ${TOPOLOGY_TOPIC}.`,
      },
    )
  }

  /**
   * Makes those exist that do not.
   *
   * @throws {WaybillError} WAYBILL_TOPOLOGY_CONFLICT when one has another number of partitions
   */
  async topics(specs: readonly TopicSpec[]): Promise<void> {
    const { session } = this.#link()
    const names = specs.map((spec) => spec.name)
    let found: ReadonlyMap<string, TopicInfo> | undefined
    if (names.some((name) => session.knownTopic(name) === undefined)) {
      found = await session.topics(names)
      const missing = specs.filter((spec) => found?.has(spec.name) !== true)
      if (missing.length > 0) await this.#create(missing)
    }
    for (const { name, partitions } of specs) {
      const actual = session.knownTopic(name)?.leaders.length
      if (actual !== undefined && actual !== partitions)
        throw new WaybillError(
          'WAYBILL_TOPOLOGY_CONFLICT',
          `topic ${name} has ${actual} partitions, and its channel ${partitions} shards`,
        )
    }
  }

  /** The channel's topic, made if need be; `undefined` where only its recipient may make it, and has not. */
  async ready(channel: Channel): Promise<TopicInfo | undefined> {
    const { session } = this.#link()
    const name = topicOf(channel)
    const known = session.knownTopic(name) ?? (await session.topic(name))
    if (known === undefined && channel.foreign === undefined && isForAnybody(channel)) {
      await this.channel(channel)
      return session.knownTopic(name)
    }
    if (known !== undefined && channel.foreign === undefined) await this.topics([channelTopic(channel)])
    return known
  }

  async #create(missing: readonly TopicSpec[]): Promise<void> {
    const { session } = this.#link()
    const topics = missing.map(({ name, partitions, keeps, retentionMs }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: this.#replicationFactor,
      assignments: [],
      configs: Object.entries({
        ...CONFIGS[keeps],
        ...(retentionMs === undefined ? {} : { 'retention.ms': String(Math.ceil(retentionMs)) }),
        'max.message.bytes': String(MAX_RECORD_BYTES),
      }).map(([config, value]) => ({ name: config, value })),
    }))
    const answer = await call(session.control, session.driver.createTopicsV7.api, topics, CREATE_TIMEOUT_MS, false)
    for (const { name, errorCode, errorMessage } of answer.topics)
      if (errorCode !== CODE.none && errorCode !== CODE.topicAlreadyExists)
        throw brokerError(errorCode, `topic ${name} cannot be made`, errorMessage)
    const names = missing.map((spec) => spec.name)
    // The broker that is asked may learn of them a moment later than the controller that made them.
    await untilSettled(
      session,
      () => session.topics(names),
      (found) => (found.size === names.length ? CODE.none : CODE.unknownTopicId),
    )
  }

  async #requireForeign(channel: Channel): Promise<void> {
    const name = topicOf(channel)
    if ((await this.#link().session.topic(name)) === undefined)
      throw new WaybillError('WAYBILL_NOT_FOUND', `there is no topic ${name}, which belongs to ordinary clients`)
  }

  async #agreeOnOrder(group: Group): Promise<void> {
    const wanted = isOrdered(group) ? 'ordered' : 'unordered'
    const { name } = group.channel
    const settled = await this.registry.settle(`order:${name}:${group.name}`, () => wanted)
    if (settled !== wanted)
      throw new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `group ${group.name} of ${name} is ${settled}, not ${wanted}`)
  }

  /** Kafka refuses it while the group has members: then one of them has done it before. */
  async #shareFrom(id: string, topic: string, again: string, starts: ReadonlyMap<number, bigint>): Promise<void> {
    const { session, share } = this.#link()
    const known = await session.coordinated('group', id, share.offsets, (answer) => answer.errorCode, id)
    const placed = known.topics.find((each) => each.topic === topic)?.partitions ?? []
    const missing = [...starts].filter(([partition]) => !placed.some((p) => p.partition === partition && p.start >= 0n))
    // What is settled behind the start is not in the lag: only what is neither kept nor settled makes it longer than the log.
    await this.#requireKept(id, topic, (partition, oldest, end) => {
      const found = placed.find((p) => p.partition === partition)
      return (
        found === undefined ||
        found.start < 0n ||
        found.start >= oldest ||
        (found.lag >= 0n && found.lag <= end - oldest)
      )
    })
    if (missing.length === 0) return
    const topics: [string, [number, bigint][]][] = [
      [topic, missing],
      [again, [[0, 0n]]],
    ]
    const codeOf = ({ errorCode }: { readonly errorCode: number }): number => whereTopicIsKnown(errorCode)
    const answer = await session.coordinated('group', id, share.alterOffsets, codeOf, id, topics)
    if (answer.errorCode !== CODE.none && answer.errorCode !== CODE.nonEmptyGroup)
      throw brokerError(answer.errorCode, `the start of group ${id} cannot be set`, answer.errorMessage)
  }

  /** @throws {WaybillError} WAYBILL_POSITION_GONE when messages that the group has not settled are no longer kept */
  async #requireKept(
    id: string,
    topic: string,
    isKept: (partition: number, oldest: bigint, end: bigint) => boolean,
  ): Promise<void> {
    const { session } = this.#link()
    const [earliest, latest] = await Promise.all([
      offsetsOf(session, topic, EARLIEST),
      offsetsOf(session, topic, LATEST),
    ])
    const gone = earliest.findIndex((oldest, partition) => !isKept(partition, oldest, latest[partition] ?? oldest))
    if (gone === -1) return
    throw new WaybillError(
      'WAYBILL_POSITION_GONE',
      `partition ${gone} of topic ${topic} begins at ${earliest[gone]}, behind where group ${id} has got to`,
      {
        cure: 'Keep messages for longer; to go on with what is there, set the offsets of the group with a tool of Kafka.',
      },
    )
  }

  async #commitStart(id: string, topic: string, starts: ReadonlyMap<number, bigint>): Promise<void> {
    const { session } = this.#link()
    const { offsetFetchV9, offsetCommitV9 } = session.driver
    const wanted = [{ groupId: id, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [...starts.keys()] }] }]
    const fetched = await session.coordinated(
      'group',
      id,
      offsetFetchV9.api,
      (answer) => answer.groups[0]?.errorCode ?? CODE.none,
      wanted,
      false,
    )
    const committed = fetched.groups[0]?.topics[0]?.partitions ?? []
    const missing = [...starts].filter(
      ([partition]) => !committed.some((each) => each.partitionIndex === partition && each.committedOffset >= 0n),
    )
    await this.#requireKept(id, topic, (partition, oldest) => {
      const found = committed.find((each) => each.partitionIndex === partition)?.committedOffset ?? -1n
      return found < 0n || found >= oldest
    })
    if (missing.length === 0) return
    const partitions = missing.map(([partitionIndex, committedOffset]) => ({
      partitionIndex,
      committedOffset,
      committedLeaderEpoch: -1,
    }))
    const answer = await session.coordinated(
      'group',
      id,
      offsetCommitV9.api,
      ({ topics }) => topics[0]?.partitions[0]?.errorCode ?? CODE.none,
      id,
      -1,
      '',
      null,
      [{ name: topic, partitions }],
    )
    const code = answer.topics[0]?.partitions[0]?.errorCode ?? CODE.none
    if (code !== CODE.none && code !== CODE.unknownMemberId)
      throw brokerError(code, `the start of group ${id} cannot be set`)
  }
}

function isForAnybody({ kind }: Channel): boolean {
  return kind === 'events' || kind === 'signals' || kind === 'survey'
}
