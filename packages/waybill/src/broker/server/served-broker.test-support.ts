// A server on a free port of the loopback, on virtual time: its timers fire when a test says so, its sockets are real.
import { expect } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { ownIdentity } from '../access/identity.ts'
import { Broker } from '../broker.ts'
import { WireClient, type Login } from './differential/wire-client.test-support.ts'
import { serveBroker, type BrokerServer, type ServeOptions } from './serve-broker.ts'
import type { SocketLink } from './socket-link.ts'

export interface ServedOptions extends Partial<Omit<ServeOptions, 'broker'>> {
  readonly memoryHighWaterBytes?: number
  /** Another broker than one in memory. */
  readonly open?: (runtime: VirtualRuntime) => Promise<Broker>
}

export class ServedBroker {
  readonly runtime: VirtualRuntime
  readonly broker: Broker
  readonly server: BrokerServer
  readonly #clients: WireClient[] = []

  private constructor(runtime: VirtualRuntime, broker: Broker, server: BrokerServer) {
    this.runtime = runtime
    this.broker = broker
    this.server = server
  }

  static async start({ memoryHighWaterBytes, open, ...options }: ServedOptions = {}): Promise<ServedBroker> {
    const runtime = virtualRuntime()
    const limits = memoryHighWaterBytes === undefined ? {} : { memoryHighWaterBytes }
    const broker = open === undefined ? await Broker.open({ runtime, ...limits }) : await open(runtime)
    const server = await serveBroker({
      broker,
      runtime,
      host: '127.0.0.1',
      port: 0,
      version: '0.0.0',
      authenticate: ({ user, by }) =>
        by !== 'certificate' && by.password === 'guest' ? ownIdentity(user, 'all') : undefined,
      ...options,
    })
    return new ServedBroker(runtime, broker, server)
  }

  /** A socket, and nothing said. */
  async connect(): Promise<WireClient> {
    const client = await WireClient.connect(this.server)
    this.#clients.push(client)
    return client
  }

  /** A connection that is open, with its channel 1. */
  async open(login: Login = {}): Promise<WireClient> {
    const client = await this.connect()
    await client.shakeHands(login)
    await client.call(1, 'channel.open')
    return client
  }

  /** The server's end of the connection of last. */
  get lastLink(): SocketLink {
    const link = [...this.server.links].at(-1)
    if (link === undefined) throw new Error('nobody is connected')
    return link
  }

  /** Waits until so many are connected. */
  async connections(count: number): Promise<void> {
    await expect.poll(() => this.server.connections, { interval: 5 }).toBe(count)
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.drop()
    await this.connections(0)
    await this.server.close(0, 'the test is over')
    await this.broker.close()
  }
}
