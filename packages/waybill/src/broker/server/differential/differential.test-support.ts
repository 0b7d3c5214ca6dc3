// The same script is run against RabbitMQ and against Waybill's server, and what they say is compared.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRuntime } from '../../../runtime/system-runtime.ts'
import { describeRabbitmq, RABBITMQ_URL } from '../../../testing/rabbitmq-url.test-support.ts'
import type { Broker } from '../../broker.ts'
import type { FieldTable } from '../../wire/field-table.ts'
import { openBroker } from '../../open-broker.ts'
import { serveBroker, type BrokerServer } from '../serve-broker.ts'
import { textOf } from './amqp-methods.test-support.ts'
import { Peer, type Names } from './peer.test-support.ts'
import { HEADER, WireClient, type Address, type Login } from './wire-client.test-support.ts'

/** The RabbitMQ whose differences from Waybill are written down here; later ones have fewer. */
const KNOWN = '3.10'

/** Where Waybill is meant to answer otherwise, and why. */
export interface Difference {
  /** Of RabbitMQ 3.10 where no other version is named. */
  readonly because: string
  /** All that Waybill says in this script. */
  readonly waybill: readonly string[]
}

/** One run of a script against one broker. */
export class Script {
  readonly log: string[] = []
  readonly address: Address
  readonly #names: NamesOfScript
  readonly #clients: WireClient[] = []
  readonly #open: WireClient[] = []

  constructor(address: Address, names: NamesOfScript) {
    this.address = address
    this.#names = names
  }

  /** A name of this script's own, the same in all of its runs. */
  name(text: string): string {
    return this.#names.make(text)
  }

  /** A connection that is open, with its channels; its label precedes what it hears. */
  async open(label = '', channels: readonly number[] = [1], login: Login = {}): Promise<Peer> {
    const peer = await this.connect(label)
    await peer.wire.shakeHands(login)
    for (const channel of channels) await peer.wire.call(channel, 'channel.open')
    this.#open.push(peer.wire)
    return peer
  }

  /** A socket, and nothing said. */
  async connect(label = ''): Promise<Peer> {
    const wire = await WireClient.connect(this.address)
    this.#clients.push(wire)
    return new Peer(wire, label, this.log, this.#names)
  }

  /** Says goodbye, so that what the connections own is gone afterwards. */
  async end(): Promise<void> {
    await Promise.all(this.#open.map((client) => client.close()))
    for (const client of this.#clients) client.drop()
  }
}

/** Nobody else on the machine's RabbitMQ uses names that begin so. */
const OURS = `waybill-${process.pid}-${Math.random().toString(36).slice(2, 8)}.`

/** The names of one script, in all of its runs. */
class NamesOfScript implements Names {
  readonly #prefix: string
  readonly all = new Set<string>()

  constructor(number: number) {
    this.#prefix = `${OURS}${number}.`
  }

  make(text: string): string {
    const name = this.#prefix + text
    this.all.add(name)
    return name
  }

  normal(text: string): string {
    return text
      .replaceAll(this.#prefix, '')
      .replaceAll(/amq\.(gen|ctag)-[\w-]{22}/g, 'amq.$1-*')
      .replaceAll(/amq\.rabbitmq\.reply-to\.[^\s"]+/g, 'amq.rabbitmq.reply-to.*')
  }

  in(text: string): readonly string[] {
    return [...this.all].filter((name) => text.includes(`'${name}'`)).map((name) => name.slice(this.#prefix.length))
  }
}

type Run = (script: Script) => Promise<void>
export type Differential = (title: string, run: Run, difference?: Difference) => void

/** A group of scripts, each of them a test; skipped by name where there is no RabbitMQ. */
export function describeDifferential(title: string, define: (differential: Differential) => void): void {
  describeRabbitmq(`${title}: as RabbitMQ`, () => {
    const allNames: NamesOfScript[] = []
    let dir: string
    let broker: Broker
    let server: BrokerServer

    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), 'waybill-differential-'))
      const runtime = systemRuntime()
      broker = await openBroker({ dir, runtime })
      server = await serveBroker({
        broker,
        runtime,
        host: '127.0.0.1',
        port: 0,
        version: '0.0.0',
        authenticate: (login) => broker.access.authenticate(login),
      })
    })
    afterAll(async () => {
      await removeAll(allNames.flatMap(({ all }) => [...all]))
      await server.close(0, 'the test is over')
      await broker.close()
      await rm(dir, { recursive: true, force: true })
    })

    let isKnown = false
    beforeAll(async () => (isKnown = (await rabbitmqVersion()).startsWith(`${KNOWN}.`)))

    const differential: Differential = (script: string, run, difference) => {
      const names = new NamesOfScript(allNames.length)
      allNames.push(names)
      test.concurrent.for([script])('%s', async () => {
        const [waybill, rabbitmq] = await Promise.all([
          logOf(new Script(server, names), run),
          logOf(new Script(rabbitmqAddress(), names), run),
        ])
        expect(waybill).toEqual(difference?.waybill ?? rabbitmq)
        const isGone = difference !== undefined && isKnown && isDeepStrictEqual(waybill, rabbitmq)
        expect(isGone, `no difference, although ${difference?.because ?? ''}`).toBe(false)
      })
    }
    define(differential)
  })
}

async function logOf(script: Script, run: Run): Promise<readonly string[]> {
  try {
    await run(script)
  } catch (error) {
    script.log.push(String(error))
  }
  await script.end()
  return script.log
}

/** Host and port of the RabbitMQ that tests use; its user is guest. */
function rabbitmqAddress(): Address {
  const { hostname, port } = new URL(RABBITMQ_URL)
  return { host: hostname, port: Number(port === '' ? 5672 : port) }
}

async function rabbitmqVersion(): Promise<string> {
  const wire = await WireClient.connect(rabbitmqAddress())
  wire.write(HEADER)
  const { fields } = await wire.hear(0)
  wire.drop()
  const { version } = fields['server-properties'] as FieldTable
  return typeof version === 'string' ? version : ''
}

/** Deletes on RabbitMQ what scripts may have left there; what is missing is no error. */
async function removeAll(names: readonly string[]): Promise<void> {
  const wire = await WireClient.open(rabbitmqAddress())
  for (const name of names) {
    wire.say(1, 'queue.delete', { queue: name })
    wire.say(1, 'exchange.delete', { exchange: name })
  }
  for (let n = 0; n < names.length * 2; n++) {
    const { name, fields } = await wire.hear(1)
    if (!name.endsWith('delete-ok')) throw new Error(`${name}: ${textOf(fields['reply-text'])}`)
  }
  await wire.close()
}
