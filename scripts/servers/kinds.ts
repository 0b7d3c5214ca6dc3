// The servers that Waybill is tested on.
import { canRunKafka, KAFKA_VERSION } from '../../packages/waybill/src/testing/servers/kafka-class-path.ts'
import { KafkaServer } from '../../packages/waybill/src/testing/servers/kafka-server.ts'
import { MariadbServer } from '../../packages/waybill/src/testing/servers/mariadb-server.ts'
import { NatsServer } from '../../packages/waybill/src/testing/servers/nats-server.ts'
import { PostgresServer } from '../../packages/waybill/src/testing/servers/postgres-server.ts'
import { RabbitmqServer } from '../../packages/waybill/src/testing/servers/rabbitmq-server.ts'
import { RedisServer } from '../../packages/waybill/src/testing/servers/redis-server.ts'
import {
  kafkaVersion,
  managementVersion,
  mysqlVersion,
  natsVersion,
  postgresVersion,
  rabbitmqVersion,
  redisVersion,
} from './versions.ts'

/** One that runs. */
export interface Server {
  readonly url: string
  /** Where it does not tell by itself. */
  readonly version?: string
  stop(): Promise<void>
}

export interface ServerKind {
  /** As the commands have it. */
  readonly name: string
  /** In `compose.yaml`, and its profile. */
  readonly service: string
  /** Names the server that is to be used. Tests read what was found as `WAYBILL_TEST_<variable>`. */
  readonly variable: string
  /** Where it is unless somebody has said otherwise. */
  readonly standardUrl: string
  /** Resolves with the version of the server at a URL, '' when it does not tell; rejects when it is not there. */
  version(url: string): Promise<string>
  /** What must be installed to start one; `undefined` where it is. */
  missing(): string | undefined
  /** From the installed program, on a port of 127.0.0.1, with temporary data. */
  start(port: number | undefined): Promise<Server>
}

const rabbitmq: ServerKind = {
  name: 'rabbitmq',
  service: 'rabbitmq',
  variable: 'RABBITMQ_URL',
  standardUrl: 'amqp://guest:guest@127.0.0.1:5672',
  version: rabbitmqVersion,
  missing: () => (RabbitmqServer.findProgram() === undefined ? 'rabbitmq-server' : undefined),
  start: (port) => RabbitmqServer.start({ port }),
}

/** A RabbitMQ with its plugin; a port that is given is that of AMQP. */
const management: ServerKind = {
  name: 'rabbitmq-management',
  service: 'rabbitmq',
  variable: 'RABBITMQ_MANAGEMENT_URL',
  standardUrl: 'http://127.0.0.1:15672',
  version: managementVersion,
  missing: () => rabbitmq.missing(),
  start: async (port) => {
    const server = await RabbitmqServer.start({ port, management: true })
    return { url: server.managementUrl, stop: () => server.stop() }
  },
}

const kafka: ServerKind = {
  name: 'kafka',
  service: 'kafka',
  variable: 'KAFKA_URL',
  standardUrl: 'kafka://127.0.0.1:9092',
  version: kafkaVersion,
  missing: () => (canRunKafka() ? undefined : 'java and mvn'),
  start: async (port) => {
    const server = await KafkaServer.start({ port })
    return { url: server.url, version: KAFKA_VERSION, stop: () => server.stop() }
  },
}

const nats: ServerKind = {
  name: 'nats',
  service: 'nats',
  variable: 'NATS_URL',
  standardUrl: 'nats://127.0.0.1:4222',
  version: natsVersion,
  missing: () => (NatsServer.findProgram() === undefined ? 'nats-server' : undefined),
  start: (port) => NatsServer.start({ port }),
}

const redis: ServerKind = {
  name: 'redis',
  service: 'redis',
  variable: 'REDIS_URL',
  standardUrl: 'redis://127.0.0.1:6379',
  version: redisVersion,
  missing: () => (RedisServer.findProgram() === undefined ? 'redis-server' : undefined),
  start: (port) => RedisServer.start({ port }),
}

const postgres: ServerKind = {
  name: 'postgres',
  service: 'postgres',
  variable: 'POSTGRES_URL',
  standardUrl: 'postgres://postgres@127.0.0.1:5432/postgres',
  version: postgresVersion,
  missing: () => (PostgresServer.findProgram() === undefined ? 'postgresql' : undefined),
  start: (port) => PostgresServer.start({ port }),
}

/** For stores alone; MySQL answers as it does. */
const mariadb: ServerKind = {
  name: 'mariadb',
  service: 'mariadb',
  variable: 'MARIADB_URL',
  standardUrl: 'mysql://root@127.0.0.1:3306',
  version: mysqlVersion,
  missing: () => (MariadbServer.findProgram() === undefined ? 'mariadb-server' : undefined),
  start: (port) => MariadbServer.start({ port }),
}

export const SERVER_KINDS: readonly ServerKind[] = [rabbitmq, management, kafka, nats, redis, postgres, mariadb]
