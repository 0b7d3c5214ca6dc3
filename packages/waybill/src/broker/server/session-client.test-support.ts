// A client that speaks to a session without a socket, and a host of that session which keeps what it is told.
import type { Runtime } from '../../runtime/runtime.ts'
import { ownIdentity } from '../access/identity.ts'
import type { Broker } from '../broker.ts'
import { encodeMethod, type Fields } from './differential/amqp-methods.test-support.ts'
import { FRAME, Hearing, type Heard } from './differential/hearing.test-support.ts'
import {
  ALL_CAPABILITIES,
  frameOf,
  HEADER,
  publishFrames,
  type Publish,
} from './differential/wire-client.test-support.ts'
import type { HandshakeOptions } from './handshake.ts'
import { SERVER_LIMITS, type ServerLimits } from './server-limits.ts'
import type { SessionHost } from './session-host.ts'
import { Session } from './session.ts'
import { UnfinishedBodies } from './unfinished-bodies.ts'

const HANDSHAKE: HandshakeOptions = {
  serverProperties: {},
  tune: { channelMax: 100, frameMax: 131_072, heartbeat: 60 },
  remoteAddress: '127.0.0.1',
  certified: undefined,
  authenticate: ({ user, by }) =>
    by !== 'certificate' && by.password === 'guest' ? ownIdentity(user, 'all') : undefined,
}

export class SessionClient implements SessionHost {
  readonly broker: Broker
  readonly runtime: Runtime
  readonly handshake: HandshakeOptions
  readonly session: Session
  /** What the session has told its host, but for `wrote` and `suspended`. */
  readonly told: string[] = []
  readonly troubles: unknown[] = []
  readonly limits: ServerLimits = SERVER_LIMITS
  readonly unfinished: UnfinishedBodies = new UnfinishedBodies(SERVER_LIMITS.unfinishedBytes)
  readonly hasRoom: boolean = true
  isSuspended = false
  unread = 0
  #heard: { readonly channel: number; readonly heard: Heard }[] = []
  readonly #hearing = new Hearing((channel, heard) => void this.#heard.push({ channel, heard }))

  constructor(broker: Broker, runtime: Runtime, handshake: Partial<HandshakeOptions> = {}) {
    this.broker = broker
    this.runtime = runtime
    this.handshake = { ...HANDSHAKE, ...handshake }
    this.session = new Session(this)
  }

  /** A connection that is open, with its channel 1. */
  static open(broker: Broker, runtime: Runtime, clientProperties: Fields = ALL_CAPABILITIES): SessionClient {
    const client = new SessionClient(broker, runtime)
    client.write(HEADER)
    client.logIn(clientProperties)
    client.say(0, 'connection.tune-ok', { 'channel-max': 100, 'frame-max': 131_072 })
    client.say(0, 'connection.open', { 'virtual-host': '/' })
    client.say(1, 'channel.open')
    client.heard()
    return client
  }

  logIn(clientProperties: Fields = ALL_CAPABILITIES, password = 'guest'): void {
    this.say(0, 'connection.start-ok', {
      'client-properties': clientProperties as Record<string, never>, // tables within tables
      mechanism: 'PLAIN',
      response: `\0guest\0${password}`,
      locale: 'en_US',
    })
  }

  wrote(): void {}

  suspended(isSuspended: boolean): void {
    this.isSuspended = isSuspended
  }

  tuned(heartbeatSeconds: number): void {
    this.told.push(`tuned ${heartbeatSeconds}`)
  }

  opened(): void {
    this.told.push('opened')
  }

  closing(): void {
    this.told.push('closing')
  }

  end(delayMs: number): void {
    this.told.push(`end ${delayMs}`)
  }

  trouble(error: unknown): void {
    this.troubles.push(error)
  }

  write(bytes: Uint8Array): void {
    this.session.receive(Buffer.from(bytes))
  }

  say(channel: number, method: string, fields: Fields = {}): void {
    this.write(frameOf(FRAME.method, channel, encodeMethod(method, fields)))
  }

  /** All of it in one chunk. */
  sayAll(...frames: readonly (readonly [channel: number, method: string, fields?: Fields])[]): void {
    this.write(Buffer.concat(frames.map(([channel, method, fields]) => methodFrame(channel, method, fields))))
  }

  publish(channel: number, publish: Publish): void {
    this.write(Buffer.concat(publishFrames(channel, publish)))
  }

  /** What the session has said since. */
  heard(): readonly Heard[] {
    for (const part of this.session.take()) this.#hearing.push(Buffer.from(part))
    const heard = this.#heard
    this.#heard = []
    return heard.map((each) => each.heard)
  }

  /** The same by name, with reply codes. */
  names(): readonly string[] {
    return this.heard().map(({ name, fields }) => {
      const code = fields['reply-code']
      return typeof code === 'number' ? `${name} ${code}` : name
    })
  }
}

export function methodFrame(channel: number, method: string, fields: Fields = {}): Buffer {
  return frameOf(FRAME.method, channel, encodeMethod(method, fields))
}
