import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Broker } from '../broker.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { HandshakeOptions } from './handshake.ts'
import { Heartbeats, type HeartbeatHost } from './heartbeats.ts'
import { MOST_UNREAD_BYTES } from './most-unread.ts'
import type { ServerLimits } from './server-limits.ts'
import type { SessionHost } from './session-host.ts'
import { Session } from './session.ts'
import type { UnfinishedBodies } from './unfinished-bodies.ts'

/** Octets that may wait for a client to read them, beyond which its consumers get no more until it has read them all. */
const HIGH_WATER_BYTES = 1024 * 1024
/** A client has so long from its connecting to its connection.open. */
const HANDSHAKE_MS = 10_000
/** How long a client may take to say close-ok. */
const CLOSING_MS = 5_000

/** An address as the socket has it, and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The server, as its connections see it. */
export interface LinkServer {
  readonly limits: ServerLimits
  /** Whether one more connection may be open. */
  readonly hasRoom: boolean
  readonly unfinished: UnfinishedBodies
  /** The handshake of the connection is done. */
  opened(link: SocketLink): void
  ended(link: SocketLink): void
  /** Is told of errors of our own. */
  trouble(error: unknown): void
}

export interface LinkOptions {
  readonly broker: Broker
  readonly runtime: Runtime
  readonly handshake: HandshakeOptions
  /** Which of the connections that the server has taken it is. */
  readonly id: number
  readonly server: LinkServer
}

/** One client's socket: reads for its session, and writes what the session has said once in a turn of the event loop. */
export class SocketLink implements SessionHost, HeartbeatHost {
  readonly broker: Broker
  readonly runtime: Runtime
  readonly handshake: HandshakeOptions
  readonly session: Session
  readonly id: number
  /** Of our end, and of the client's. */
  readonly local: Endpoint
  readonly peer: Endpoint
  /** Milliseconds since the epoch. */
  readonly connectedAt: number
  readonly #socket: Socket
  readonly #server: LinkServer
  readonly #heartbeats: Heartbeats
  #deadline: Timer
  #isDirty = false
  #isFull = false
  #isSuspended = false
  #isEnding = false
  #resume: (() => void) | undefined

  constructor(socket: Socket, { broker, runtime, handshake, id, server }: LinkOptions) {
    this.id = id
    this.#socket = socket
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 }
    this.peer = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    this.connectedAt = runtime.now()
    this.#server = server
    this.broker = broker
    this.runtime = runtime
    this.handshake = handshake
    this.#heartbeats = new Heartbeats(runtime, this)
    this.#deadline = runtime.setTimer(HANDSHAKE_MS, () => socket.destroy())
    this.session = new Session(this)
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('drain', () => this.#drained())
    // What went wrong is for the client to say; here the connection has ended.
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.on('close', () => this.#close())
  }

  get limits(): ServerLimits {
    return this.#server.limits
  }

  get hasRoom(): boolean {
    return this.#server.hasRoom
  }

  get unfinished(): UnfinishedBodies {
    return this.#server.unfinished
  }

  get isTls(): boolean {
    return this.#socket instanceof TLSSocket
  }

  get received(): number {
    return this.#socket.bytesRead
  }

  get sent(): number {
    return this.#socket.bytesWritten
  }

  get isReading(): boolean {
    return !this.#isSuspended
  }

  get unread(): number {
    return this.session.frames.length + this.#socket.writableLength
  }

  wrote(): void {
    if (this.unread > HIGH_WATER_BYTES) this.#fill()
    if (this.#isDirty) return
    this.#isDirty = true
    queueMicrotask(() => this.#write())
  }

  suspended(isSuspended: boolean): void {
    this.#isSuspended = isSuspended
    if (isSuspended) this.#socket.pause()
    else this.#socket.resume()
  }

  tuned(heartbeatSeconds: number): void {
    this.#heartbeats.start(heartbeatSeconds)
  }

  opened(): void {
    this.#deadline.cancel()
    this.#server.opened(this)
  }

  closing(): void {
    this.#giveUpAfter(CLOSING_MS)
  }

  beat(): void {
    this.session.frames.heartbeat()
    this.wrote()
  }

  silent(): void {
    this.#socket.destroy()
  }

  end(delayMs: number): void {
    this.#heartbeats.stop()
    this.#giveUpAfter(delayMs + CLOSING_MS)
    // Who is told nothing is to wait, whatever else is said.
    if (delayMs > 0) return void this.runtime.setTimer(delayMs, () => this.#socket.end())
    this.#isEnding = true
    this.wrote()
  }

  trouble(error: unknown): void {
    this.#server.trouble(error)
  }

  /** The broker ends the connection, and waits a little for the client to agree. */
  close(reason: string): void {
    this.session.forceClose(reason)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.session.receive(chunk)
  }

  #write(): void {
    this.#isDirty = false
    const socket = this.#socket
    if (!socket.writable) return
    const parts = this.session.take()
    if (parts.length > 1) socket.cork()
    for (const part of parts) socket.write(part)
    if (parts.length > 1) socket.uncork()
    if (this.#isEnding) socket.end()
  }

  /** The client does not keep up: its consumers get no more, and in the end it is not listened to. */
  #fill(): void {
    if (!this.#isFull) {
      this.#isFull = true
      this.session.pauseDeliveries(true)
    }
    if (this.unread > MOST_UNREAD_BYTES) this.#resume ??= this.session.suspend()
  }

  #drained(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.session.pauseDeliveries(false)
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  #giveUpAfter(delayMs: number): void {
    this.#deadline.cancel()
    this.#deadline = this.runtime.setTimer(delayMs, () => this.#socket.destroy())
  }

  #close(): void {
    this.#deadline.cancel()
    this.#heartbeats.stop()
    this.session.ended()
    this.#server.ended(this)
  }
}
