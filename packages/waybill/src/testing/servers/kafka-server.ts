import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateAuthority, type Issued } from './certificate-authority.ts'
import { freePort } from './free-port.ts'
import { kafkaClassPath } from './kafka-class-path.ts'
import { OwnServer } from './own-server.ts'
import { ServerProcess } from './server-process.ts'

/** It takes about two seconds; on a busy machine it may take many times that. */
const FORMAT_DEADLINE_MS = 120_000
/** Small, and quick to start rather than quick: compiled once, collected by one thread. */
const JVM = ['-Xmx512m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']
/** Any will do, as long as it stays. */
const CLUSTER_ID = 'd2F5YmlsbC1mb3ItdGVzdA'

/** Who may log in, over TLS, by SASL: PLAIN and both SCRAM mechanisms know the same user. */
export const KAFKA_USER = { username: 'waybill', password: 'the password; of waybill' } as const

interface Ports {
  readonly plain: number
  readonly sasl: number
  readonly controller: number
}

interface Tls {
  readonly authority: CertificateAuthority
  readonly server: Issued
}

/**
 * An Apache Kafka broker of our own, for tests: one node in KRaft mode on free ports of 127.0.0.1, with its log in a
 * temporary folder. It notices in seconds what a real one gives half a minute: members that are silent, for instance.
 */
export class KafkaServer extends OwnServer {
  readonly #classPath: string
  readonly #ports: Ports
  readonly #tls: Tls | undefined
  protected readonly ready: RegExp = /Kafka Server started/
  /** Of the cluster, this one included. */
  #brokers = 1

  private constructor(classPath: string, folder: string, ports: Ports, tls: Tls | undefined) {
    super(folder)
    this.#classPath = classPath
    this.#ports = ports
    this.#tls = tls
  }

  /**
   * Resolves when the broker takes connections. Rejects with what it said when it does not start.
   *
   * @param options.port default: a free one
   * @param options.tls listens for SASL over TLS too ({@link KAFKA_USER}), with a certificate for localhost and 127.0.0.1
   * @param options.joins makes it a further broker of that server's cluster, of which the first has the metadata
   * @param options.settings more lines of server.properties
   */
  static async start(
    options: {
      readonly port?: number | undefined
      readonly tls?: boolean
      readonly joins?: KafkaServer
      readonly settings?: Readonly<Record<string, string>>
    } = {},
  ): Promise<KafkaServer> {
    const classPath = await kafkaClassPath()
    const folder = await mkdtemp(join(tmpdir(), 'waybill-kafka-'))
    const { joins } = options
    const controller = joins === undefined ? await freePort() : joins.#ports.controller
    const ports = { plain: options.port ?? (await freePort()), sasl: await freePort(), controller }
    const id = joins === undefined ? 1 : ++joins.#brokers
    let tls: Tls | undefined
    if (options.tls === true) {
      const authority = await CertificateAuthority.create(folder, 'authority')
      tls = { authority, server: await authority.forServer('server', ['DNS:localhost', 'IP:127.0.0.1']) }
    }
    const server = new KafkaServer(classPath, folder, ports, tls)
    return await server.begin(async () => {
      const lines = { ...settings(folder, ports, tls, id), ...options.settings }
      const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(join(folder, 'server.properties'), text.join(''))
      await writeFile(join(folder, 'log4j2.yaml'), LOGGING)
      await server.#format(id === 1)
    })
  }

  get port(): number {
    return this.#ports.plain
  }

  get url(): string {
    return `kafka://127.0.0.1:${this.port}`
  }

  /** Where SASL over TLS is spoken. */
  get saslPort(): number {
    return this.#ports.sasl
  }

  /** Who signed the server's certificate. */
  get authority(): CertificateAuthority {
    if (this.#tls === undefined) throw new TypeError('the server was not started with tls')
    return this.#tls.authority
  }

  protected launch(): ServerProcess {
    return this.#java('kafka.Kafka', join(this.folder, 'server.properties'))
  }

  async #format(isFirst: boolean): Promise<void> {
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=${KAFKA_USER.username},password=${KAFKA_USER.password}]`,
    )
    const users = this.#tls === undefined ? [] : scram.flatMap((user) => ['--add-scram', user])
    const config = join(this.folder, 'server.properties')
    const format = this.#java(
      'kafka.tools.StorageTool', 'format', isFirst ? '--standalone' : '--no-initial-controllers', '-t', CLUSTER_ID, '-c', config, ...users,
    ) // prettier-ignore
    await format.says(/Formatting/, FORMAT_DEADLINE_MS)
    await format.exited
  }

  #java(main: string, ...args: readonly string[]): ServerProcess {
    const logging = `-Dlog4j2.configurationFile=${join(this.folder, 'log4j2.yaml')}`
    const env = { PATH: process.env['PATH'], HOME: this.folder }
    return new ServerProcess('java', [...JVM, logging, '-cp', this.#classPath, main, ...args], env, this.folder)
  }
}

/** @see https://kafka.apache.org/documentation/#brokerconfigs */
function settings(folder: string, ports: Ports, tls: Tls | undefined, id: number): Record<string, string> {
  const plain = `PLAIN://127.0.0.1:${ports.plain}`
  const listeners = tls === undefined ? plain : `${plain},SASL://127.0.0.1:${ports.sasl}`
  return {
    'process.roles': id === 1 ? 'broker,controller' : 'broker',
    'node.id': String(id),
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    listeners: id === 1 ? `${listeners},CONTROLLER://127.0.0.1:${ports.controller}` : listeners,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAIN',
    'listener.security.protocol.map': 'PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL',
    'log.dirs': join(folder, 'log'),
    'auto.create.topics.enable': 'false',
    // One node has one replica of everything, and needs few partitions of its own.
    ...internalTopics('offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'),
    // Small indexes, or a thousand topics of tests fill memory; few threads, since there are few clients.
    'log.index.size.max.bytes': '65536',
    'num.network.threads': '2',
    'num.io.threads': '3',
    'background.threads': '2',
    'log.cleaner.threads': '1',
    'log.cleaner.dedupe.buffer.size': '4194304',
    'num.recovery.threads.per.data.dir': '2',
    // A broker that was killed is let in again when its former life is given up.
    'broker.heartbeat.interval.ms': '250',
    'broker.session.timeout.ms': '1000',
    'group.initial.rebalance.delay.ms': '0',
    ...quickGroups('consumer'),
    ...quickGroups('share'),
    'group.share.min.record.lock.duration.ms': '1000',
    'group.share.record.lock.duration.ms': '10000',
    'group.share.delivery.count.limit': '10',
    ...(tls === undefined ? {} : secured(tls)),
  }
}

function internalTopics(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name}.replication.factor`, '1'],
      [`${name}.num.partitions`, '1'],
      ...(name === 'offsets.topic' ? [] : [[`${name}.min.isr`, '1']]),
    ]),
  ) as Record<string, string> // pairs of text
}

function quickGroups(kind: 'consumer' | 'share'): Record<string, string> {
  return {
    [`group.${kind}.min.heartbeat.interval.ms`]: '100',
    [`group.${kind}.heartbeat.interval.ms`]: '250',
    [`group.${kind}.min.session.timeout.ms`]: '1000',
    [`group.${kind}.session.timeout.ms`]: '5000',
  }
}

/** @see https://kafka.apache.org/documentation/#security_sasl */
function secured(tls: Tls): Record<string, string> {
  const { username, password } = KAFKA_USER
  const jaas = 'listener.name.sasl'
  const module = 'org.apache.kafka.common.security'
  return {
    'listener.name.sasl.ssl.keystore.type': 'PEM',
    'listener.name.sasl.ssl.keystore.certificate.chain': oneLine(tls.server.certificate),
    'listener.name.sasl.ssl.keystore.key': oneLine(tls.server.key),
    'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${jaas}.plain.sasl.jaas.config`]: `${module}.plain.PlainLoginModule required user_${username}="${password}";`,
    [`${jaas}.scram-sha-256.sasl.jaas.config`]: `${module}.scram.ScramLoginModule required;`,
    [`${jaas}.scram-sha-512.sasl.jaas.config`]: `${module}.scram.ScramLoginModule required;`,
  }
}

/** A value of a Java properties file. */
function oneLine(pem: string): string {
  return pem.trim().replaceAll('\n', String.raw`\n`)
}

const LOGGING = `Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        ref: STDOUT
    Logger:
      - name: kafka.server.KafkaRaftServer
        level: INFO
`
