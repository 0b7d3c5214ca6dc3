import type { Broker } from '../broker.ts'
import type { Connection } from '../connection.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { ReplyError } from '../reply-error.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import { FRAME, FrameScanner, type FrameHandler } from '../wire/frame-scanner.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { writeChannelOpenOk } from '../wire/methods/channel-methods.ts'
import { writeClose, writePlain } from '../wire/methods/close-methods.ts'
import { writeBlocked } from '../wire/methods/connection-methods.ts'
import { CLASS, METHOD, classOf } from '../wire/methods/method-ids.ts'
import { ChannelSession, type ChannelHost } from './channel-session.ts'
import { BodyTooLarge } from './content-receiver.ts'
import {
  Handshake,
  isProtocolHeader,
  LoginRefused,
  PROTOCOL_HEADER,
  type HandshakeHost,
  type HandshakeOptions,
} from './handshake.ts'

/** What a session needs from the socket it speaks through. */
export interface SessionHost {
  readonly broker: Broker
  readonly runtime: Runtime
  readonly handshake: HandshakeOptions
  /** There are frames to take. */
  wrote(): void
  /** Whether nothing is to be read for now. */
  suspended(isSuspended: boolean): void
  /** The heartbeat interval was agreed on; 0 is none. */
  tuned(heartbeatSeconds: number): void
  /** Writes what there is, then ends the connection; after `delayMs`, which a peer that guesses passwords has to wait. */
  end(delayMs: number): void
}

/** A refused login is answered this much later. */
const REFUSAL_DELAY_MS = 1_000

type Phase = 'header' | 'handshake' | 'running' | 'closing' | 'ended'

/**
 * One client's connection, without its socket: octets in, frames out.
 *
 *   header --AMQP 0-9-1--> handshake --open--> running --close--> ended
 *      any --error--> closing --close-ok--> ended
 */
export class Session implements FrameHandler, ChannelHost, HandshakeHost {
  readonly frames: FrameWriter = new FrameWriter()
  readonly #host: SessionHost
  readonly #scanner: FrameScanner
  readonly #channels: (ChannelSession | undefined)[] = []
  /** Channels that we have closed and whose clients have not answered: what comes on them is passed over. */
  readonly #closing = new Set<number>()
  readonly #confirming = new Set<ChannelSession>()
  #phase: Phase = 'header'
  #header: Buffer = Buffer.alloc(0)
  #handshake: Handshake | undefined
  #entered: { readonly virtualHost: VirtualHost; readonly connection: Connection } | undefined
  #suspensions = 0
  #pendingAnswers = 0
  /** What is to be said behind the answers that are pending; at most once for each consumer. */
  readonly #afterAnswers: (() => void)[] = []
  #isPublisher = false
  #alarm: { readonly reason: string; release: (() => void) | undefined } | undefined

  constructor(host: SessionHost) {
    this.#host = host
    this.#scanner = new FrameScanner(this, host.handshake.tune.frameMax)
  }

  /** Where the client is; `undefined` until it has said where it wants to be. */
  get entered(): VirtualHost | undefined {
    return this.#entered?.virtualHost
  }

  get virtualHost(): VirtualHost {
    return this.#opened.virtualHost
  }

  get connection(): Connection {
    return this.#opened.connection
  }

  get user(): string {
    return this.#handshake?.user ?? ''
  }

  get frameMax(): number {
    return this.#handshake?.tune.frameMax ?? 0
  }

  /** As RabbitMQ calls it. */
  get state(): 'starting' | 'running' | 'blocked' | 'closing' {
    if (this.#phase === 'running') return this.#alarm?.release === undefined ? 'running' : 'blocked'
    return this.#phase === 'header' || this.#phase === 'handshake' ? 'starting' : 'closing'
  }

  /** What was agreed, and what the client said of itself; `undefined` before its first word. */
  get agreed(): Pick<Handshake, 'clientProperties' | 'mechanism' | 'tune'> | undefined {
    return this.#handshake
  }

  get channels(): readonly ChannelSession[] {
    return this.#channels.filter((channel) => channel !== undefined)
  }

  get suspended(): boolean {
    return this.#suspensions > 0
  }

  can(capability: string): boolean {
    return this.#handshake?.can(capability) ?? false
  }

  uniqueName(prefix: string): string {
    return prefix + Buffer.from(this.#host.runtime.newId().replaceAll('-', ''), 'hex').toString('base64url')
  }

  wrote(): void {
    this.#host.wrote()
  }

  confirming(channel: ChannelSession): void {
    this.#confirming.add(channel)
    this.#host.wrote()
  }

  defer(fn: () => void): void {
    this.#host.runtime.defer(fn)
  }

  awaitAnswer(): () => void {
    this.#pendingAnswers++
    const resume = this.suspend()
    return () => {
      this.#pendingAnswers--
      resume()
    }
  }

  afterAnswers(write: () => void): void {
    this.#afterAnswers.push(write)
    this.wrote()
  }

  suspend(): () => void {
    if (++this.#suspensions === 1) this.#host.suspended(true)
    return () => {
      if (--this.#suspensions > 0) return
      this.#take(() => this.#scanner.resume())
      if (this.#suspensions === 0) this.#host.suspended(false)
    }
  }

  publishing(): void {
    this.#isPublisher = true
    if (this.#alarm !== undefined) this.#block(this.#alarm)
  }

  enter(name: string): void {
    const virtualHost = this.#host.broker.virtualHosts.get(name)
    if (virtualHost === undefined) throw new ConnectionError(530, `vhost ${name} not found`, METHOD.connectionOpen)
    this.#entered = { virtualHost, connection: virtualHost.connect() }
  }

  /** Octets from the client. */
  receive(chunk: Buffer): void {
    this.#take(() => (this.#phase === 'header' ? this.#receiveHeader(chunk) : this.#scanner.push(chunk)))
  }

  /** The frames that are to go out now. */
  take(): readonly Uint8Array[] {
    for (const channel of this.#confirming) channel.flushConfirms()
    this.#confirming.clear()
    if (this.#pendingAnswers === 0) for (const write of this.#afterAnswers.splice(0)) write()
    return this.frames.take()
  }

  /** While the socket is full, consumers get nothing. */
  pauseDeliveries(isPaused: boolean): void {
    for (const channel of this.#channels) if (channel !== undefined) channel.channel.isPaused = isPaused
  }

  /** The broker holds publishers back, or lets them go on. */
  alarm(reason: string | undefined): void {
    const before = this.#alarm
    this.#alarm = reason === undefined ? undefined : { reason, release: undefined }
    if (this.#alarm !== undefined && this.#isPublisher) return this.#block(this.#alarm)
    if (before?.release === undefined) return
    if (this.can('connection.blocked')) {
      writePlain(this.frames, 0, METHOD.connectionUnblocked)
      this.wrote()
    }
    before.release()
  }

  /** The broker ends the connection. */
  forceClose(reason: string): void {
    if (this.#phase === 'header') return this.#end()
    this.#fail(new ConnectionError(320, reason))
  }

  /** The socket has ended: what is unsettled returns, and exclusive queues go. */
  ended(): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    this.#release()
  }

  frame(type: number, number: number, bytes: Buffer, start: number, end: number): void {
    if (this.#phase === 'running' && number !== 0) return this.#channelFrame(type, number, bytes, start, end)
    if (this.#phase === 'ended') return
    if (type === FRAME.heartbeat) {
      if (number !== 0) throw new ConnectionError(505, `a heartbeat on channel ${number}`)
    } else if (type !== FRAME.method) throw unexpected(type, number)
    else this.#connectionMethod(number, new ByteReader(bytes.subarray(start, end)))
  }

  #take(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#caught(error)
    }
  }

  #caught(error: unknown): void {
    if (error instanceof ConnectionError) this.#fail(error)
    else if (error instanceof LoginRefused) this.#refuse(error)
    else if (isWaybillError(error, 'WAYBILL_MALFORMED')) this.#fail(new ConnectionError(502, error.message))
    else throw error
  }

  #receiveHeader(chunk: Buffer): void {
    this.#header = Buffer.concat([this.#header, chunk])
    if (this.#header.length < PROTOCOL_HEADER.length) return
    const rest = this.#header.subarray(PROTOCOL_HEADER.length)
    if (!isProtocolHeader(this.#header.subarray(0, PROTOCOL_HEADER.length))) {
      this.frames.out.raw(PROTOCOL_HEADER)
      return this.#end()
    }
    this.#header = Buffer.alloc(0)
    this.#phase = 'handshake'
    this.#handshake = new Handshake(this.frames, this.#host.handshake, this)
    this.wrote()
    if (rest.length > 0) this.#scanner.push(rest)
  }

  #connectionMethod(number: number, reader: ByteReader): void {
    const method = reader.long()
    if (number !== 0) {
      if (this.#phase === 'closing') return
      throw new ConnectionError(504, `a method on channel ${number} before the connection is open`, method)
    }
    if (method === METHOD.connectionClose) {
      writePlain(this.frames, 0, METHOD.connectionCloseOk)
      return this.#end()
    }
    if (this.#phase === 'closing') {
      if (method === METHOD.connectionCloseOk) this.#end()
    } else if (this.#phase === 'running') this.#running(method)
    else this.#shakeHands(method, reader)
  }

  /** Methods of the connection while it is open. */
  #running(method: number): void {
    // The password was right when the connection began, and the user has no other.
    if (method !== METHOD.connectionUpdateSecret) throw new ConnectionError(503, 'a method out of its turn', method)
    writePlain(this.frames, 0, METHOD.connectionUpdateSecretOk)
    this.wrote()
  }

  #shakeHands(method: number, reader: ByteReader): void {
    const handshake = this.#handshake as Handshake // made with the phase
    handshake.method(method, reader)
    if (method === METHOD.connectionTuneOk) {
      this.#scanner.frameMax = handshake.tune.frameMax
      this.#host.tuned(handshake.tune.heartbeat)
    }
    if (handshake.isDone) this.#phase = 'running'
    this.wrote()
  }

  #channelFrame(type: number, number: number, bytes: Buffer, start: number, end: number): void {
    const channel = this.#channels[number]
    try {
      if (channel === undefined) this.#unopened(type, number, bytes, start, end)
      else if (type === FRAME.body) channel.body(bytes, start, end)
      else if (type === FRAME.header) channel.header(bytes, start, end)
      else if (type === FRAME.method) this.#channelMethod(channel, bytes, start, end)
      else throw unexpected(type, number)
    } catch (error) {
      const refused = type === FRAME.method && end - start >= 4 ? bytes.readUInt32BE(start) : METHOD.basicPublish
      this.#channelCaught(number, refused, error)
    }
  }

  #channelCaught(number: number, refused: number, error: unknown): void {
    if (error instanceof ReplyError) {
      if (error.closes === 'connection') throw new ConnectionError(530, error.what, refused)
      return this.#closeChannel(number, error.replyCode, error.replyText, refused)
    }
    if (error instanceof BodyTooLarge)
      return this.#closeChannel(number, 406, `PRECONDITION_FAILED - ${error.message}`, refused)
    throw error
  }

  #channelMethod(channel: ChannelSession, bytes: Buffer, start: number, end: number): void {
    if (end - start < 4) throw new ConnectionError(502, 'a method frame ends within the number of its method')
    const method = bytes.readUInt32BE(start)
    if (classOf(method) !== CLASS.channel) return channel.method(method, bytes, start + 4, end)
    if (method === METHOD.channelOpen) throw new ConnectionError(504, "second 'channel.open' seen", method)
    if (method !== METHOD.channelClose) return channel.method(method, bytes, start + 4, end)
    this.#forget(channel)
    writePlain(this.frames, channel.number, METHOD.channelCloseOk)
    this.wrote()
  }

  /** A frame on a channel that is not open, or that we are closing. */
  #unopened(type: number, number: number, bytes: Buffer, start: number, end: number): void {
    const method = type === FRAME.method && end - start >= 4 ? bytes.readUInt32BE(start) : 0
    if (this.#closing.has(number)) {
      if (method === METHOD.channelClose) writePlain(this.frames, number, METHOD.channelCloseOk)
      if (method === METHOD.channelClose || method === METHOD.channelCloseOk) this.#closing.delete(number)
      return this.wrote()
    }
    // The answer to a close that crossed ours.
    if (method === METHOD.channelCloseOk) return
    if (method !== METHOD.channelOpen)
      throw new ConnectionError(504, `expected 'channel.open' on channel ${number}`, method)
    const most = this.#handshake?.tune.channelMax ?? 0
    if (number > most)
      throw new ConnectionError(
        530,
        `number of channels opened (${number}) has reached the negotiated channel_max (${most})`,
        method,
      )
    this.#channels[number] = new ChannelSession(number, this)
    writeChannelOpenOk(this.frames, number)
    this.wrote()
  }

  #closeChannel(number: number, replyCode: number, replyText: string, refused: number): void {
    const channel = this.#channels[number]
    if (channel !== undefined) this.#forget(channel)
    this.#closing.add(number)
    writeClose(this.frames, number, METHOD.channelClose, { replyCode, replyText, refused })
    this.wrote()
  }

  #forget(channel: ChannelSession): void {
    channel.flushConfirms()
    this.#confirming.delete(channel)
    this.#channels[channel.number] = undefined
    channel.close()
  }

  #fail({ replyCode, replyText, method }: ConnectionError): void {
    if (this.#phase === 'closing' || this.#phase === 'ended') return
    this.#phase = 'closing'
    this.#release()
    writeClose(this.frames, 0, METHOD.connectionClose, { replyCode, replyText, refused: method })
    this.wrote()
  }

  #refuse(refused: LoginRefused): void {
    this.#phase = 'closing'
    this.#release()
    if (refused.isToBeTold) {
      writeClose(this.frames, 0, METHOD.connectionClose, { replyCode: 403, replyText: refused.message, refused: 0 })
      this.wrote()
    } else this.#host.end(REFUSAL_DELAY_MS)
  }

  #end(): void {
    this.ended()
    this.wrote()
    this.#host.end(0)
  }

  /** Channels are opened only once the connection is. */
  get #opened(): { readonly virtualHost: VirtualHost; readonly connection: Connection } {
    if (this.#entered === undefined) throw new TypeError('the connection is not open')
    return this.#entered
  }

  #release(): void {
    for (const channel of this.#channels.splice(0)) channel?.close()
    this.#confirming.clear()
    this.#entered?.connection.close()
  }

  #block(alarm: { readonly reason: string; release: (() => void) | undefined }): void {
    if (alarm.release !== undefined) return
    alarm.release = this.suspend()
    if (!this.can('connection.blocked')) return
    writeBlocked(this.frames, alarm.reason)
    this.wrote()
  }
}

function unexpected(type: number, number: number): ConnectionError {
  return type === FRAME.header || type === FRAME.body
    ? new ConnectionError(505, `a content frame on channel ${number}`)
    : new ConnectionError(501, `frames of type ${type} do not exist`)
}
