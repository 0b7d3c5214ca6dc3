import { isWaybillError } from '../../message/errors.ts'
import type { Identity } from '../access/identity.ts'
import type { Connection } from '../connection.ts'
import type { VirtualHost } from '../virtual-host.ts'
import type { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import { Handshake, type HandshakeHost } from './handshake.ts'
import { ProtocolHeader } from './protocol-header.ts'
import type { SessionHost } from './session-host.ts'

/** The client is in a virtual host. */
interface Entered {
  readonly virtualHost: VirtualHost
  readonly connection: Connection
}

/** How a session begins, and what is known since then: who the client is, what was agreed on, where the client is. */
export class SessionOpening implements HandshakeHost {
  readonly await: HandshakeHost['await']
  readonly #frames: FrameWriter
  readonly #host: SessionHost
  readonly #header = new ProtocolHeader()
  #handshake: Handshake | undefined
  #entered: Entered | undefined

  /** @param wait as {@link HandshakeHost.await} */
  constructor(frames: FrameWriter, host: SessionHost, wait: HandshakeHost['await']) {
    this.#frames = frames
    this.#host = host
    this.await = wait
  }

  get isDone(): boolean {
    return this.#handshake?.isDone === true
  }

  /** What was agreed, and what the client said of itself; `undefined` before its first word. */
  get agreed(): Pick<Handshake, 'clientProperties' | 'mechanism' | 'tune'> | undefined {
    return this.#handshake
  }

  get identity(): Identity | undefined {
    return this.#handshake?.identity
  }

  /** Where the client is; `undefined` until it has said where it wants to be. */
  get entered(): Entered | undefined {
    return this.#entered
  }

  can(capability: string): boolean {
    return this.#handshake?.can(capability) ?? false
  }

  /** The client's first octets: what came behind its header, as {@link ProtocolHeader.push} says it. */
  header(chunk: Buffer): Buffer | 'other' | undefined {
    const rest = this.#header.push(chunk)
    if (rest instanceof Buffer) this.#handshake = new Handshake(this.#frames, this.#host.handshake, this)
    return rest
  }

  /** A method before the connection is open. @throws {ConnectionError} what closes it */
  method(method: number, reader: ByteReader): void {
    const handshake = this.#handshake as Handshake // made with the header, before any method
    try {
      handshake.method(method, reader)
    } catch (error) {
      throw isWaybillError(error, 'WAYBILL_MALFORMED') ? new ConnectionError(501, error.message, method) : error
    }
  }

  enter(name: string, identity: Identity): void {
    const { hasRoom, limits, broker } = this.#host
    if (!hasRoom) {
      const what = `connection refused: the limit of ${limits.connections} connections is reached`
      throw new ConnectionError(530, what, METHOD.connectionOpen)
    }
    const virtualHost = broker.virtualHosts.get(name)
    if (virtualHost === undefined) throw new ConnectionError(530, `vhost ${name} not found`, METHOD.connectionOpen)
    const guard = identity.guard(name)
    if (guard === undefined) {
      const what = `access to vhost '${name}' refused for user '${identity.user}'`
      throw new ConnectionError(530, what, METHOD.connectionOpen)
    }
    this.#entered = { virtualHost, connection: virtualHost.connect(guard) }
  }
}
