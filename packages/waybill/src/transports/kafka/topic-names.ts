// What exists in the cluster for each channel and group. An operator meets these names in every tool.
//
//   for                              topic                        partitions       group
//   channel `orders`, of any kind    orders                       its shards
//     group `shipping`                                                             share group orders--shipping
//       its retries that are due     orders--shipping--again      1                (the same)
//       its retries that wait        orders--shipping--later      1                consumer group orders--shipping--later
//       its dead letters             orders--shipping--dead       1
//     group, ordered                                                               consumer group orders--shipping
//       its retry lanes              orders--shipping--lane       the shards
//       back from its dead letters   orders--shipping--again      the shards
//   signals `prices`                 prices--signals              1                none
//   command `a.b`                    a.b, a.b--again, a.b--later, as above, without the group's name: it has one
//   replies to service `s`           s--replies                   1                share group s--replies--s
//   replies to one process           s--answers                   4                none
//   what members agree on            waybill.topology             1                none
//   foreign channel                  its name, as it is
//
// Names of channels and groups have letters, digits and ._- in them, as topics have.
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import { WaybillError } from '../../message/errors.ts'

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  /**
   * `channel`: kept as the cluster keeps topics. `ours`: until we delete it. `letters`: each until it is
   * removed. `answers`: an hour. `signals`: no longer than it takes to read them.
   */
  readonly keeps: 'channel' | 'ours' | 'letters' | 'answers' | 'signals'
  /** Of a channel that says how long its messages are kept, in milliseconds. */
  readonly retentionMs?: number
}

export interface GroupNames {
  /** In Kafka. */
  readonly id: string
  readonly topic: string
  readonly again: string
  readonly later: string
  readonly laterId: string
  readonly lane: string
  readonly dead: string
}

export const TOPOLOGY_TOPIC = 'waybill.topology'
/** Among them the processes of one service are spread, so that each reads a part of the others' answers only. */
const ANSWER_PARTITIONS = 4
/** A log keeps whatever comes; nobody begins behind it. Whole segments are deleted, so it may be twice as long. */
export const SIGNALS_KEPT_MS = 60_000
const LONGEST_TOPIC = 249
const LEGAL = /^[\w.-]+$/

/** Order is kept: asked for, or laid down by a command's shards. */
export function isOrdered(group: Group): boolean {
  return group.ordered || (hasOneRecipient(group.channel.kind) && group.channel.shards > 1)
}

export function topicOf(channel: Channel): string {
  if (channel.foreign !== undefined) return channel.foreign
  if (channel.kind === 'signals') return `${channel.name}--signals`
  return channel.kind === 'reply' ? `${channel.name}--replies` : channel.name
}

export function namesOf(group: Group): GroupNames {
  const { channel } = group
  const topic = topicOf(channel)
  const single = hasOneRecipient(channel.kind) && channel.foreign === undefined
  const base = single ? topic : `${topic}--${group.name}`
  // No colon: share coordinators of Kafka 4.2.0 separate the parts of their keys by it.
  const id = `${topic}--${group.name}`
  const dead = `${topic}--${group.name}--dead`
  if (!LEGAL.test(group.name) || dead.length > LONGEST_TOPIC)
    throw new WaybillError('WAYBILL_UNSUPPORTED', `Kafka has no topics for group ${group.name} of ${channel.name}`, {
      cure: 'Give it a shorter name of letters, digits, dots, underscores and hyphens.',
    })
  return {
    id, topic, again: `${base}--again`, later: `${base}--later`, laterId: `${id}--later`, lane: `${base}--lane`, dead,
  } // prettier-ignore
}

/** What a sender needs. */
export function channelTopic(channel: Channel): TopicSpec {
  const { kind, shards, retentionMs } = channel
  if (kind === 'signals')
    return { name: topicOf(channel), partitions: 1, keeps: 'signals', retentionMs: SIGNALS_KEPT_MS }
  const base = { name: topicOf(channel), partitions: shards, keeps: 'channel' } as const
  return retentionMs === undefined ? base : { ...base, retentionMs }
}

/** What the group has besides its channel. */
export function groupTopics(group: Group): readonly TopicSpec[] {
  const names = namesOf(group)
  const dead: TopicSpec = { name: names.dead, partitions: 1, keeps: 'letters' }
  const { shards: partitions } = group.channel
  if (isOrdered(group))
    return [{ name: names.lane, partitions, keeps: 'ours' }, { name: names.again, partitions, keeps: 'ours' }, dead]
  const hasLater = hasOneRecipient(group.channel.kind) && group.channel.foreign === undefined
  const later: readonly TopicSpec[] = hasLater ? [] : [{ name: names.later, partitions: 1, keeps: 'ours' }]
  return [{ name: names.again, partitions: 1, keeps: 'channel' }, ...later, dead]
}

export function answersTopic(channel: Channel): TopicSpec {
  return { name: `${channel.name}--answers`, partitions: ANSWER_PARTITIONS, keeps: 'answers' }
}

/** Where commands of one recipient wait that were sent with a delay. */
export function laterTopic(channel: Channel): TopicSpec {
  return { name: `${topicOf(channel)}--later`, partitions: 1, keeps: 'ours' }
}
