// Engines that nobody asks: what their documentation, and our settings of them, say.
import { PACKAGE_VERSION } from '../message/package-version.ts'
import type { EngineFacts, Limit, RouteFacts } from '../transport/engine-facts.ts'
import type { Group } from '../transport/transport.ts'
import { sourceOf } from '../transports/amqp/topology.ts'
import { DEFAULT_HEARTBEAT_SECONDS as SHARED_HEARTBEAT_SECONDS } from '../transports/shared/shared.ts'
import { assumedRouteFacts as assumedKafkaFacts } from '../transports/kafka/assumed-facts.ts'
import { factsOf as kafkaFactsOf } from '../transports/kafka/facts.ts'
import { assumedRouteFacts as assumedNatsFacts } from '../transports/nats/assumed-facts.ts'
import { engineFacts as natsEngineFacts } from '../transports/nats/facts.ts'
import { settingsOf as natsSettings } from '../transports/nats/settings.ts'
import { assumedRouteFacts as assumedPostgresFacts } from '../transports/postgres/assumed-facts.ts'
import { engineFacts as postgresEngineFacts } from '../transports/postgres/facts.ts'
import { settingsOf as postgresSettings } from '../transports/postgres/settings.ts'
import { engineFacts, routeFacts, type RouteSettings } from '../transports/rabbitmq/facts.ts'
import { engineFacts as redisEngineFacts } from '../transports/redis/facts.ts'
import { assumedRouteFacts as assumedRedisFacts } from '../transports/redis/route-facts.ts'
import { settingsOf as redisSettings } from '../transports/redis/settings.ts'
import { serverVersion, type ServerVersion } from '../transports/rabbitmq/server-version.ts'
import { UsageError } from './usage-error.ts'

export interface AssumedEngine {
  readonly facts: EngineFacts
  readonly routeFacts: (group: Group) => RouteFacts
  /** It is a database, and has `Transport.sendWithin`. */
  readonly sendsWithin?: true
}

/** The versions that the guarantees were tested with. */
const RABBITMQ_VERSION = '3.10.8'
const KAFKA_VERSION = '4.3'
const NATS_VERSION = '2.9.10'
const POSTGRES_VERSION = '15.20'
const REDIS_VERSION = '7.0.15'
/** Its server's default. */
const NATS_MAX_PAYLOAD = 1_024 * 1_024

const ENGINES: Readonly<Record<string, (version: string | undefined) => AssumedEngine>> = {
  // The broker process that the services of a machine share.
  embedded: (waybill = PACKAGE_VERSION) =>
    overAmqp(serverVersion({ waybill }), { heartbeatSeconds: SHARED_HEARTBEAT_SECONDS }),
  kafka: (version = KAFKA_VERSION) => ({ facts: kafkaFactsOf(version), routeFacts: assumedKafkaFacts }),
  nats: (version = NATS_VERSION) => ({
    facts: natsEngineFacts(version, NATS_MAX_PAYLOAD),
    routeFacts: (group) => assumedNatsFacts(group, natsSettings({ servers: 'nats://localhost' })),
  }),
  postgres: (version = POSTGRES_VERSION) => ({
    facts: postgresEngineFacts(version),
    sendsWithin: true,
    routeFacts: (group) => assumedPostgresFacts(group, postgresSettings({ url: 'postgres://localhost' })),
  }),
  rabbitmq: (version = RABBITMQ_VERSION) => overAmqp(serverVersion({ product: 'RabbitMQ', version }), {}),
  redis: (version = REDIS_VERSION) => {
    const settings = redisSettings({ url: 'redis://localhost' })
    return {
      facts: redisEngineFacts(version, settings.maxMessageBytes),
      routeFacts: () => assumedRedisFacts(settings),
    }
  },
}

function overAmqp(version: ServerVersion, settings: RouteSettings): AssumedEngine {
  return {
    facts: engineFacts(version),
    routeFacts: (group) => {
      const { life, isForeign } = sourceOf(group)
      return routeFacts(version, life, { ...settings, isForeign })
    },
  }
}

export const ASSUMED_ENGINES: readonly string[] = Object.keys(ENGINES)

/**
 * @param name `embedded`, `rabbitmq`, or with a version `rabbitmq@4.0`
 * @throws {UsageError} for another
 */
export function assumedEngine(name: string): AssumedEngine {
  const [engine = '', version] = name.split('@')
  const known = Object.hasOwn(ENGINES, engine) ? ENGINES[engine]?.(version) : undefined
  if (known === undefined) throw new UsageError(`--assume takes ${ASSUMED_ENGINES.join(', ')}, not ${name}`)
  return { facts: known.facts, routeFacts: (group) => unread(known.routeFacts(group)) }
}

/** Nothing was read, because nobody was asked. */
function unread({ durability, limits, ...others }: RouteFacts): RouteFacts {
  const source = (each: Limit['source']): Limit['source'] => (each === 'read' ? 'assumed' : each)
  const limit = (each: Limit): Limit => ({ ...each, source: source(each.source) })
  return {
    ...others,
    durability: {
      ...durability,
      lossWindowMs: limit(durability.lossWindowMs),
      copies: limit(durability.copies),
      source: source(durability.source),
    },
    limits: {
      deliveryLimit: limit(limits.deliveryLimit),
      settleWithinMs: limit(limits.settleWithinMs),
      retentionMs: limit(limits.retentionMs),
      retentionBytes: limit(limits.retentionBytes),
      ...(limits.redeliveredWithinMs === undefined ? {} : { redeliveredWithinMs: limit(limits.redeliveredWithinMs) }),
    },
  }
}
