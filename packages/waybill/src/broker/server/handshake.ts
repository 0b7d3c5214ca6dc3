// How a connection begins (AMQP 0-9-1, section 2.2.4): each step waits for the answer to the one before.
//
//   client: "AMQP" 0 0 9 1      server: start
//   client: start-ok            server: tune        (or close 403, or nothing but the end)
//   client: tune-ok, open       server: open-ok     (or close 530)
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
import { MECHANISMS, readLogin } from './sasl.ts'

/** Smallest largest frame, overhead included (AMQP 0-9-1, section 1.2: frame-min-size). */
const MIN_FRAME_OCTETS = 4_096

export interface HandshakeOptions {
  readonly serverProperties: FieldTable
  readonly tune: Tune
  authenticate(user: string, password: string): boolean
}

/** What happens to the session when the handshake is over. */
export interface HandshakeHost {
  /** @throws {ConnectionError} 530 when there is no such virtual host */
  enter(virtualHost: string): void
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
  #step: 'start' | 'tune' | 'open' | 'done' = 'start'
  #capabilities: FieldTable = EMPTY_TABLE
  clientProperties: FieldTable = EMPTY_TABLE
  user = ''
  /** Of SASL, by which the user came in. */
  mechanism = ''
  tune: Tune

  constructor(frames: FrameWriter, options: HandshakeOptions, host: HandshakeHost) {
    this.#frames = frames
    this.#options = options
    this.#host = host
    this.tune = options.tune
    writeStart(frames, options.serverProperties, MECHANISMS)
  }

  get isDone(): boolean {
    return this.#step === 'done'
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
    const login = readLogin(mechanism, response)
    if (login === undefined || !this.#options.authenticate(login.user, login.password))
      throw new LoginRefused(mechanism, this.can('authentication_failure_close'))
    this.user = login.user
    this.mechanism = mechanism
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
    this.#host.enter(virtualHost)
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
