import type { Server, Socket } from 'node:net'
import type { Login } from '../access/access.ts'
import type { Identity } from '../access/identity.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker, BrokerEvent } from '../broker.ts'
import { Arrivals } from './arrivals.ts'
import { certifiedName } from './certified-name.ts'
import type { HandshakeOptions } from './handshake.ts'
import { listen, portOf, type ListenOptions } from './listen.ts'
import { SERVER_LIMITS, type ServerLimits } from './server-limits.ts'
import { serverProperties } from './server-properties.ts'
import { SocketLink, type LinkServer } from './socket-link.ts'
import { UnfinishedBodies } from './unfinished-bodies.ts'

export interface ServeOptions extends ListenOptions {
  readonly broker: Broker
  readonly runtime: Runtime
  /** Who it is; `undefined` for who may not come in. A client waits for it, and no other. */
  authenticate(login: Login): Identity | undefined | Promise<Identity | undefined>
  /** Offered to clients; 0 is none. Default 60. */
  readonly heartbeatSeconds?: number
  /** The broker's version, for clients to see. */
  readonly version: string
  /** `cluster_name`, for clients to see. */
  readonly name?: string
  readonly limits?: Partial<ServerLimits>
  /** Is told of what goes wrong here: an error of our own that cost a client its connection, a socket that was not accepted. */
  readonly trouble?: (error: unknown) => void
}

/** Largest frame that is offered, overhead included: RabbitMQ's. */
const FRAME_MAX = 131_072

/**
 * Lets clients in over AMQP 0-9-1.
 *
 * @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE`; what else keeps it from listening is the native error
 */
export async function serveBroker(options: ServeOptions): Promise<BrokerServer> {
  const server = new BrokerServer(options)
  await server.open()
  return server
}

export class BrokerServer implements LinkServer {
  readonly limits: ServerLimits
  readonly unfinished: UnfinishedBodies
  readonly #options: ServeOptions
  readonly #links = new Set<SocketLink>()
  /** Whoever has connected, those included who have not come through the handshake of TLS. */
  readonly #sockets = new Set<Socket>()
  readonly #arrivals: Arrivals
  /** Those that are through the handshake. */
  readonly #open = new Set<SocketLink>()
  #taken = 0
  readonly #listeners = new Set<(count: number) => void>()
  #servers: readonly Server[] = []
  #unsubscribe: () => void = () => {}
  #idle: (() => void) | undefined
  #isClosing = false

  constructor(options: ServeOptions) {
    this.#options = options
    this.limits = { ...SERVER_LIMITS, ...options.limits }
    this.unfinished = new UnfinishedBodies(this.limits.unfinishedBytes)
    this.#arrivals = new Arrivals(this.limits.handshakes)
  }

  get host(): string {
    return this.#options.host
  }

  get port(): number {
    return portOf(this.#servers[0] as Server) // open
  }

  get connections(): number {
    return this.#links.size
  }

  get hasRoom(): boolean {
    return this.#open.size < this.limits.connections
  }

  /** Those who are here, to be looked at. */
  get links(): Iterable<SocketLink> {
    return this.#links
  }

  get isTls(): boolean {
    return this.#options.tls !== undefined
  }

  /** Calls `listener` whenever a connection has come or gone. */
  onConnections(listener: (count: number) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async open(): Promise<void> {
    this.#servers = await listen(this.#options, (socket) => this.#accept(socket))
    for (const server of this.#servers) {
      server.on('connection', (socket) => this.#connected(socket))
      // No more sockets, for instance: the connections that are open go on.
      server.on('error', (error) => this.trouble(error))
    }
    this.#unsubscribe = this.#options.broker.onEvent((event) => {
      for (const link of this.#links) react(link, event)
    })
  }

  /** Lets nobody in any more, asks all clients to go, and after `deadlineMs` no longer asks. */
  async close(deadlineMs: number, reason: string): Promise<void> {
    this.#isClosing = true
    this.#unsubscribe()
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const link of this.#links) link.close(reason)
    const timer = this.#options.runtime.setTimer(deadlineMs, () => {
      for (const link of this.#links) link.destroy()
    })
    if (this.#links.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    timer.cancel()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }

  opened(link: SocketLink): void {
    this.#open.add(link)
    this.#arrivals.remove(link.peer)
  }

  ended(link: SocketLink): void {
    this.#open.delete(link)
    this.#links.delete(link)
    this.#tell()
    if (this.#links.size === 0) this.#idle?.()
  }

  trouble(error: unknown): void {
    this.#options.trouble?.(error)
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    this.#arrivals.add(socket)
  }

  #accept(socket: Socket): void {
    if (this.#isClosing) return void socket.destroy()
    const { broker, runtime, version, name, heartbeatSeconds = 60 } = this.#options
    const handshake: HandshakeOptions = {
      serverProperties: serverProperties(version, name),
      tune: { channelMax: this.limits.channels, frameMax: FRAME_MAX, heartbeat: heartbeatSeconds },
      remoteAddress: socket.remoteAddress ?? '',
      certified: certifiedName(socket),
      authenticate: (login) => this.#options.authenticate(login),
    }
    const link = new SocketLink(socket, { broker, runtime, handshake, id: ++this.#taken, server: this })
    this.#links.add(link)
    if (broker.blocked !== undefined) link.session.alarm(broker.blocked)
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#links.size)
  }
}

function react(link: SocketLink, event: BrokerEvent): void {
  switch (event.type) {
    case 'failed':
      return link.close(`the broker's store failed`)
    case 'virtual-host-deleted':
      if (link.session.entered === event.virtualHost) link.close(`vhost '${event.virtualHost.name}' is deleted`)
      return
    case 'user-deleted':
      if (link.session.user === event.user) link.close(`user '${event.user}' is deleted`)
      return
    case 'blocked':
      return link.session.alarm(event)
    case 'unblocked':
      return link.session.alarm(undefined)
  }
}
