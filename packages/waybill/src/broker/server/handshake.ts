// How a connection begins (AMQP 0-9-1, section 2.2.4): each step waits for the answer to the one before.
//
//   client: "AMQP" 0 0 9 1      server: start
//   client: start-ok            server: tune        (or close 403, or nothing but the end)
//   client: tune-ok, open       server: open-ok     (or close 530)
import type { Login } from '../access/access.ts'
import type { Identity } from '../access/identity.ts'
import type { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import { EMPTY_TABLE, type FieldTable } from '../wire/field-table.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import {
  readOpen,
  readStartOk,
  readTuneOk,
  writeOpenOk,
  writeStart,
  writeTune,
  type Tune,
} from '../wire/methods/connection-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import { mechanisms, readLogin } from './sasl.ts'

/** Smallest largest frame, overhead included (AMQP 0-9-1, section 1.2: frame-min-size). */
const MIN_FRAME_OCTETS = 4_096

export interface HandshakeOptions {
  readonly serverProperties: FieldTable
  readonly tune: Tune
  /** Of the socket. */
  readonly remoteAddress: string
  /** Whom the client's certificate names, where TLS has accepted one. */
  readonly certified: string | undefined
  /** Who it is; `undefined` for who may not come in. */
  authenticate(login: Login): Identity | undefined | Promise<Identity | undefined>
}

/** What happens to the session when the handshake is over. */
export interface HandshakeHost {
  /** @throws {ConnectionError} 530 when there is no such virtual host, or the client has no access to it */
  enter(virtualHost: string, identity: Identity): void
  /** Takes up no frame until it is known who the client is, then runs `go`. */
  await<T>(answer: Promise<T>, go: (answer: T) => void): void
}

/** A login that was refused. A client that cannot be told so only sees the connection end. */
export class LoginRefused extends Error {
  readonly isToBeTold: boolean

  constructor(mechanism: string, isToBeTold: boolean) {
    super(`ACCESS_REFUSED - Login was refused using authentication mechanism ${mechanism}`)
    this.isToBeTold = isToBeTold
  }
}

/** What client and server agree on before channels may be opened. */
export class Handshake {
  readonly #frames: FrameWriter
  readonly #options: HandshakeOptions
  readonly #host: HandshakeHost
  #step: 'start' | 'login' | 'tune' | 'open' | 'done' = 'start'
  #capabilities: FieldTable = EMPTY_TABLE
  clientProperties: FieldTable = EMPTY_TABLE
  #identity: Identity | undefined
  /** Of SASL, by which the user came in. */
  mechanism = ''
  tune: Tune

  constructor(frames: FrameWriter, options: HandshakeOptions, host: HandshakeHost) {
    this.#frames = frames
    this.#options = options
    this.#host = host
    this.tune = options.tune
    writeStart(frames, options.serverProperties, mechanisms(options.certified))
  }

  get isDone(): boolean {
    return this.#step === 'done'
  }

  /** Who the client is, as soon as that is known. */
  get identity(): Identity | undefined {
    return this.#identity
  }

  can(capability: string): boolean {
    return this.#capabilities[capability] === true
  }

  /**
   * @throws {ConnectionError} 503 out of turn, 530 for what cannot be agreed on
   * @throws {LoginRefused}
   */
  method(method: number, reader: ByteReader): void {
    if (method === METHOD.connectionStartOk && this.#step === 'start') this.#startOk(reader)
    else if (method === METHOD.connectionTuneOk && this.#step === 'tune') this.#tuneOk(reader)
    else if (method === METHOD.connectionOpen && this.#step === 'open') this.#open(reader)
    else throw new ConnectionError(503, 'a method out of the order of the handshake', method)
  }

  #startOk(reader: ByteReader): void {
    const { clientProperties, mechanism, response } = readStartOk(reader)
    this.clientProperties = clientProperties
    const { capabilities } = clientProperties
    if (isTable(capabilities)) this.#capabilities = capabilities
    this.mechanism = mechanism
    this.#step = 'login'
    const { remoteAddress, certified } = this.#options
    const login = readLogin(mechanism, response, certified)
    const answer = login && this.#options.authenticate({ ...login, remoteAddress })
    if (answer instanceof Promise) this.#host.await(answer, (identity) => this.#loggedIn(identity))
    else this.#loggedIn(answer)
  }

  #loggedIn(identity: Identity | undefined): void {
    if (identity === undefined) throw new LoginRefused(this.mechanism, this.can('authentication_failure_close'))
    this.#identity = identity
    writeTune(this.#frames, this.#options.tune)
    this.#step = 'tune'
  }

  #tuneOk(reader: ByteReader): void {
    const offered = this.#options.tune
    const tune = readTuneOk(reader)
    const channelMax = agreed('channel_max', tune.channelMax, offered.channelMax)
    const frameMax = agreed('frame_max', tune.frameMax, offered.frameMax)
    if (frameMax < MIN_FRAME_OCTETS)
      throw new ConnectionError(
        530,
        `negotiated frame_max = ${frameMax} is lower than the minimum allowed value (4096)`,
        METHOD.connectionTuneOk,
      )
    this.tune = { channelMax, frameMax, heartbeat: tune.heartbeat }
    this.#step = 'open'
  }

  #open(reader: ByteReader): void {
    const { virtualHost } = readOpen(reader)
    this.#host.enter(virtualHost, this.#identity as Identity) // known since the step before the last
    writeOpenOk(this.#frames)
    this.#step = 'done'
  }
}

/** 0 means no limit, which only a server without one grants. */
function agreed(name: string, asked: number, offered: number): number {
  if (asked === 0 || asked > offered)
    throw new ConnectionError(
      530,
      `negotiated ${name} = ${asked === 0 ? '0 (no limit)' : asked} is higher than the maximum allowed value (${offered})`,
      METHOD.connectionTuneOk,
    )
  return asked
}

function isTable(value: unknown): value is FieldTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
