// What the cluster promises for a group's messages, as topic, group and broker are configured. Everything is read.
import { WaybillError } from '../../message/errors.ts'
import type { Limit, RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import { call } from './call.ts'
import { brokerError, CODE } from './kafka-errors.ts'
import type { Session } from './session.ts'
import { channelTopic, isOrdered, namesOf } from './topic-names.ts'

/** Kafka's numbers of what has a configuration. */
const RESOURCE = { topic: 2, broker: 4 } as const
/** Milliseconds or messages from which on Kafka means "never". */
const NEVER = 2 ** 53

type Config = ReadonlyMap<string, string>

/**
 * Of a channel that does not exist yet: as the broker would make it now.
 *
 * @throws {WaybillError} WAYBILL_NOT_FOUND while the topic of ordinary clients does not exist
 */
export async function routeFacts(session: Session, group: Group): Promise<RouteFacts> {
  const { topic } = namesOf(group)
  const { foreign } = group.channel
  const { retentionMs } = channelTopic(group.channel)
  const isThere = (await session.topic(topic)) !== undefined
  if (!isThere && foreign !== undefined) throw new WaybillError('WAYBILL_NOT_FOUND', `there is no topic ${topic}`)
  const broker = await configOf(session, RESOURCE.broker, String(session.anyBroker))
  const config = isThere ? await configOf(session, RESOURCE.topic, topic) : defaults(broker, retentionMs)
  const replicas = isThere ? await replicasOf(session, topic) : number(broker, 'default.replication.factor')
  const copies = Math.min(number(config, 'min.insync.replicas'), replicas)
  const [flushMs, flushMessages] = [number(config, 'flush.ms'), number(config, 'flush.messages')]
  const retention = cleansByDeleting(config)
  return {
    durability: {
      // Each message before it is accepted, or some time after.
      accepted: flushMessages <= 1 ? 'synced' : 'written',
      lossWindowMs: read(flushMessages <= 1 ? 0 : bounded(flushMs)),
      copies: read(copies),
      source: 'read',
    },
    limits: {
      // Where the broker would give up on a message, a copy of it begins anew (share/).
      deliveryLimit: { value: Infinity, source: 'told' },
      // Locks are renewed, and a member's heart beats, whatever its handlers do.
      settleWithinMs: read(Infinity),
      retentionMs: read(retention ? bounded(number(config, 'retention.ms')) : Infinity),
      retentionBytes: read(retention ? bounded(number(config, 'retention.bytes')) : Infinity),
      redeliveredWithinMs: read(
        number(broker, isOrdered(group) ? 'group.consumer.session.timeout.ms' : 'group.share.record.lock.duration.ms'),
      ),
    },
  }
}

/** How often a broker gives a record of a share group out. */
export async function deliveryLimit(session: Session): Promise<number> {
  const config = await configOf(session, RESOURCE.broker, String(session.anyBroker))
  return number(config, 'group.share.delivery.count.limit')
}

async function replicasOf(session: Session, topic: string): Promise<number> {
  const metadata = await call(session.control, session.driver.metadataV12.api, [topic], false, false)
  const replicas = metadata.topics[0]?.partitions.map(({ replicaNodes }) => replicaNodes.length) ?? []
  return Math.min(...replicas)
}

/** What a topic inherits. */
function defaults(broker: Config, retentionMs: number | undefined): Config {
  const minutes = broker.get('log.retention.minutes') || undefined
  const hours = Number(broker.get('log.retention.hours') ?? NaN) * 60
  const inherited = broker.get('log.retention.ms') || String(Number(minutes ?? hours) * 60_000)
  return new Map([
    ['flush.messages', broker.get('log.flush.interval.messages') ?? ''],
    ['flush.ms', broker.get('log.flush.interval.ms') || broker.get('log.flush.scheduler.interval.ms') || ''],
    ['cleanup.policy', broker.get('log.cleanup.policy') ?? 'delete'],
    ['retention.ms', retentionMs === undefined ? inherited : String(retentionMs)],
    ['retention.bytes', broker.get('log.retention.bytes') ?? '-1'],
    ['min.insync.replicas', broker.get('min.insync.replicas') ?? '1'],
  ])
}

async function configOf(session: Session, resourceType: 2 | 4, resourceName: string): Promise<Config> {
  const resources = [{ resourceType, resourceName }]
  const answer = await call(session.control, session.driver.describeConfigsV4.api, resources, false, false)
  const [result] = answer.results
  if (result === undefined || result.errorCode !== CODE.none)
    throw brokerError(result?.errorCode ?? -1, `configuration of ${resourceName}`, result?.errorMessage)
  return new Map(result.configs.map(({ name, value }) => [name, value ?? '']))
}

function cleansByDeleting(config: Config): boolean {
  return (config.get('cleanup.policy') ?? 'delete').includes('delete')
}

function number(config: Config, name: string): number {
  const value = Number(config.get(name) || NaN)
  return Number.isNaN(value) ? Infinity : value
}

/** -1, or more than a number can tell, is for ever. */
function bounded(value: number): number {
  return value < 0 || value >= NEVER ? Infinity : value
}

function read(value: number): Limit {
  return { value, source: 'read' }
}
