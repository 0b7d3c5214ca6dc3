import type { Connection } from '../connection.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Block } from '../publisher-gate.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import type { FrameHandler } from '../wire/frame-scanner.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { writeClose, writePlain } from '../wire/methods/close-methods.ts'
import { writeBlocked } from '../wire/methods/connection-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import type { ChannelHost, ChannelSession } from './channel-session.ts'
import { connectionMethodOf } from './connection-frame.ts'
import { LoginRefused, type Handshake } from './handshake.ts'
import { PendingAnswers } from './pending-answers.ts'
import { PROTOCOL_HEADER } from './protocol-header.ts'
import { PublisherHold, type HeldSession } from './publisher-hold.ts'
import { Reading } from './reading.ts'
import { SessionChannels } from './session-channels.ts'
import type { SessionHost } from './session-host.ts'
import { SessionOpening } from './session-opening.ts'
import type { ServerLimits } from './server-limits.ts'
import { UncommittedBudget } from './uncommitted-budget.ts'
import type { UnfinishedHolder } from './unfinished-bodies.ts'

/** A refused login is answered this much later. */
const REFUSAL_DELAY_MS = 1_000

type Phase = 'header' | 'handshake' | 'running' | 'closing' | 'ended'

/**
 * One client's connection, without its socket: octets in, frames out.
 *
 *   header --AMQP 0-9-1--> handshake --open--> running --close--> ended
 *      any --error--> closing --close-ok--> ended
 */
export class Session implements FrameHandler, ChannelHost, HeldSession, UnfinishedHolder {
  readonly frames: FrameWriter = new FrameWriter()
  readonly #host: SessionHost
  readonly #reading: Reading
  readonly #channels = new SessionChannels(this)
  readonly #hold = new PublisherHold(this)
  #phase: Phase = 'header'
  readonly #opening: SessionOpening
  readonly uncommitted: UncommittedBudget = new UncommittedBudget()
  readonly #answers = new PendingAnswers()

  constructor(host: SessionHost) {
    this.#host = host
    const { frameMax } = host.handshake.tune
    this.#opening = new SessionOpening(this.frames, host, (answer, go) => this.#await(answer, go))
    this.#reading = new Reading(this, frameMax, (isHeld) => host.suspended(isHeld))
  }

  /** Where the client is; `undefined` until it has said where it wants to be. */
  get entered(): VirtualHost | undefined {
    return this.#opening.entered?.virtualHost
  }

  get virtualHost(): VirtualHost {
    return this.#entered.virtualHost
  }

  get connection(): Connection {
    return this.#entered.connection
  }

  get limits(): ServerLimits {
    return this.#host.limits
  }

  get user(): string {
    return this.#opening.identity?.user ?? ''
  }

  get tags(): readonly string[] {
    return this.#opening.identity?.tags ?? []
  }

  get frameMax(): number {
    return this.#opening.agreed?.tune.frameMax ?? 0
  }

  get channelMax(): number {
    return this.#opening.agreed?.tune.channelMax ?? 0
  }

  get unread(): number {
    return this.#host.unread
  }

  /** As RabbitMQ calls it. */
  get state(): 'starting' | 'running' | 'blocked' | 'closing' {
    if (this.#phase === 'running') return this.#hold.isHeld ? 'blocked' : 'running'
    return this.#phase === 'header' || this.#phase === 'handshake' ? 'starting' : 'closing'
  }

  /** What was agreed, and what the client said of itself; `undefined` before its first word. */
  get agreed(): SessionOpening['agreed'] {
    return this.#opening.agreed
  }

  get channels(): readonly ChannelSession[] {
    return this.#channels.all
  }

  get suspended(): boolean {
    return this.#reading.isHeld
  }

  can(capability: string): boolean {
    return this.#opening.can(capability)
  }

  uniqueName(prefix: string): string {
    return prefix + Buffer.from(this.#host.runtime.newId().replaceAll('-', ''), 'hex').toString('base64url')
  }

  wrote(): void {
    this.#host.wrote()
  }

  confirming(channel: ChannelSession): void {
    this.#channels.confirming(channel)
    this.#host.wrote()
  }

  defer(fn: () => void): void {
    this.#host.runtime.defer(fn)
  }

  attempt(channel: ChannelSession, method: number, act: () => void): void {
    this.#try(() => this.#channels.attempt(channel, method, act))
  }

  awaitAnswer(): () => void {
    return this.#answers.wait(this.suspend())
  }

  afterAnswers(write: () => void): void {
    this.#answers.after(write)
    this.wrote()
  }

  suspend(): () => void {
    const goOn = this.#reading.hold()
    return () => this.#try(goOn)
  }

  publishing(): void {
    this.#hold.publishing()
  }

  unfinished(octets: number): void {
    this.#host.unfinished.changed(this, octets)
  }

  refuse(error: ConnectionError): void {
    this.#fail(error)
  }

  tellBlocked(reason: string | undefined): void {
    if (!this.#isOpen || !this.can('connection.blocked')) return
    if (reason === undefined) writePlain(this.frames, 0, METHOD.connectionUnblocked)
    else writeBlocked(this.frames, reason)
    this.wrote()
  }

  /** Octets from the client. */
  receive(chunk: Buffer): void {
    if (this.#phase === 'ended') return
    this.#try(() => (this.#phase === 'header' ? this.#receiveHeader(chunk) : this.#reading.push(chunk)))
  }

  /** The frames that are to go out now. */
  take(): readonly Uint8Array[] {
    this.#try(() => {
      this.#channels.flushConfirms()
      this.#answers.flush()
    })
    return this.frames.take()
  }

  /** While the socket is full, consumers get nothing. */
  pauseDeliveries(isPaused: boolean): void {
    this.#channels.pauseDeliveries(isPaused)
  }

  /** The broker holds publishers back, or lets them go on. */
  alarm(block: Block | undefined): void {
    this.#hold.block = block
  }

  /** The broker ends the connection. */
  forceClose(reason: string): void {
    this.#fail(new ConnectionError(320, reason))
  }

  /** The socket has ended: what is unsettled returns, and exclusive queues go. */
  ended(): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    this.#release()
  }

  frame(type: number, number: number, bytes: Buffer, start: number, end: number): void {
    try {
      if (this.#phase === 'running' && number !== 0) this.#channels.frame(type, number, bytes, start, end)
      else if (this.#phase !== 'ended') this.#connectionFrame(type, number, bytes, start, end)
    } catch (error) {
      this.#caught(error)
    }
  }

  get #isOpen(): boolean {
    return this.#phase !== 'closing' && this.#phase !== 'ended'
  }

  #try(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#caught(error)
    }
  }

  /** Takes up no frame until the answer is there. */
  #await<T>(answer: Promise<T>, go: (answer: T) => void): void {
    const resume = this.suspend()
    const goOn = (act: () => void): void => {
      this.#try(act)
      resume()
      this.wrote()
    }
    answer.then(
      // The client may have left meanwhile.
      (value) => goOn(() => (this.#isOpen ? go(value) : undefined)),
      (error: unknown) => goOn(() => this.#caught(error)),
    )
  }

  #caught(error: unknown): void {
    if (error instanceof ConnectionError) this.#fail(error)
    else if (error instanceof LoginRefused) this.#refuse(error)
    // Too many logins wait: clients come again.
    else if (isWaybillError(error, 'WAYBILL_BACKPRESSURE')) this.#fail(new ConnectionError(320, error.message))
    else {
      this.#host.trouble(error)
      // An error with a code was written to be read by others.
      const what = isWaybillError(error) ? error.message : 'an error in the broker'
      this.#fail(new ConnectionError(541, what))
    }
  }

  #receiveHeader(chunk: Buffer): void {
    const rest = this.#opening.header(chunk)
    if (rest === undefined) return
    if (rest === 'other') {
      this.frames.out.raw(PROTOCOL_HEADER)
      return this.#end()
    }
    this.#phase = 'handshake'
    this.wrote()
    if (rest.length > 0) this.#reading.push(rest)
  }

  /** A frame of the connection, or any frame before it is open or while it ends. */
  #connectionFrame(type: number, number: number, bytes: Buffer, start: number, end: number): void {
    const method = connectionMethodOf(type, number, bytes, start, end)
    if (method === METHOD.connectionClose) {
      writePlain(this.frames, 0, METHOD.connectionCloseOk)
      this.#end()
    } else if (this.#phase === 'closing') {
      if (method === METHOD.connectionCloseOk) this.#end()
    } else if (method !== undefined) {
      if (this.#phase === 'running') this.#running(method)
      else this.#shakeHands(method, new ByteReader(bytes.subarray(start + 4, end)))
    }
  }

  /** Methods of the connection while it is open. */
  #running(method: number): void {
    // The password was right when the connection began, and the user has no other.
    if (method !== METHOD.connectionUpdateSecret) throw new ConnectionError(504, 'a method out of its turn', method)
    writePlain(this.frames, 0, METHOD.connectionUpdateSecretOk)
    this.wrote()
  }

  #shakeHands(method: number, reader: ByteReader): void {
    this.#opening.method(method, reader)
    if (method === METHOD.connectionTuneOk) {
      const { frameMax, heartbeat } = (this.#opening.agreed as Handshake).tune // just now
      this.#reading.frameMax = frameMax
      this.#host.tuned(heartbeat)
    }
    if (this.#opening.isDone) {
      this.#phase = 'running'
      this.#host.opened()
    }
    this.wrote()
  }

  #fail(error: ConnectionError): void {
    if (this.#phase === 'header') this.#end()
    else if (this.#isOpen) this.#close(error)
  }

  #refuse(refused: LoginRefused): void {
    if (!this.#isOpen) return
    if (refused.isToBeTold) return this.#close({ replyCode: 403, replyText: refused.message, method: 0 })
    // Whatever else it says, it waits.
    this.ended()
    this.#host.end(REFUSAL_DELAY_MS)
  }

  /** From here on only the end of the conversation is waited for. */
  #close({ replyCode, replyText, method }: Pick<ConnectionError, 'replyCode' | 'replyText' | 'method'>): void {
    this.#phase = 'closing'
    // What is known of publishes is still told: the client need not send them again.
    this.#channels.flushConfirms()
    this.#release()
    writeClose(this.frames, 0, METHOD.connectionClose, { replyCode, replyText, refused: method })
    this.wrote()
    this.#host.closing()
    this.#try(() => this.#reading.finish())
  }

  #end(): void {
    this.ended()
    this.wrote()
    this.#host.end(0)
  }

  /** Channels are opened only once the connection is. */
  get #entered(): NonNullable<SessionOpening['entered']> {
    const { entered } = this.#opening
    if (entered === undefined) throw new TypeError('the connection is not open')
    return entered
  }

  #release(): void {
    this.#channels.release()
    this.#answers.forget()
    this.#opening.entered?.connection.close()
  }
}
