import type { Channel } from '../channel/channel.ts'
import type { Connection } from '../connection.ts'
import type { ConfirmSink, Message, PublishOptions, PublishOutcome } from '../message.ts'
import { readExpiration } from '../queue/lifetime.ts'
import { ReplyError } from '../reply-error.ts'
import type { Durable } from '../store/message-log.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import { writeReturn } from '../wire/methods/basic-methods.ts'
import { readConfirmSelect, readFlow, writeAccessRequestOk, writeFlowOk } from '../wire/methods/channel-methods.ts'
import { writePlain } from '../wire/methods/close-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import type { PropertyScan, PublishAddress } from '../wire/publish-scan.ts'
import * as basic from './basic-handlers.ts'
import type { ChannelContext, SessionContext } from './channel-context.ts'
import { ContentReceiver } from './content-receiver.ts'
import * as exchange from './exchange-handlers.ts'
import { PublishConfirms } from './publish-confirms.ts'
import { PublishPermit } from './publish-permit.ts'
import * as queue from './queue-handlers.ts'
import { REPLY_QUEUE } from '../direct-reply-to.ts'
import { DirectReplyConsumer } from './direct-reply-consumer.ts'

/** The session, as its channels see it. */
export interface ChannelHost extends SessionContext {
  readonly virtualHost: VirtualHost
  readonly connection: Connection
  readonly frames: FrameWriter
  /** Highest number of a channel that was agreed. */
  readonly channelMax: number
  /** Takes up no frame until the returned function is called: an answer is pending. */
  awaitAnswer(): () => void
  /** A publish begins: the connection is held back while the broker wants none. */
  publishing(): void
  /** Confirms are to be written at the end of this turn. */
  confirming(channel: ChannelSession): void
  defer(fn: () => void): void
  /** Runs what a channel does outside of its frames: what it throws ends the channel, or the connection. */
  attempt(channel: ChannelSession, act: () => void): void
}

type Handler = (context: ChannelContext, reader: ByteReader) => void

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [METHOD.channelFlow, flow],
  [METHOD.accessRequest, (context) => writeAccessRequestOk(context.frames, context.number)],
  [METHOD.confirmSelect, selectConfirms],
  [METHOD.exchangeDeclare, exchange.declareExchange],
  [METHOD.exchangeDelete, exchange.deleteExchange],
  [METHOD.exchangeBind, exchange.bindExchange],
  [METHOD.exchangeUnbind, exchange.unbindExchange],
  [METHOD.queueDeclare, queue.declareQueue],
  [METHOD.queueBind, queue.bindQueue],
  [METHOD.queueUnbind, queue.unbindQueue],
  [METHOD.queuePurge, queue.purgeQueue],
  [METHOD.queueDelete, queue.deleteQueue],
  [METHOD.basicQos, basic.qos],
  [METHOD.basicConsume, basic.consume],
  [METHOD.basicCancel, basic.cancel],
  [METHOD.basicGet, basic.get],
  [METHOD.basicAck, basic.ack],
  [METHOD.basicNack, basic.nack],
  [METHOD.basicReject, basic.reject],
  [METHOD.basicRecover, basic.recover],
  [METHOD.basicRecoverAsync, basic.recoverAsync],
])

/** One channel that is open: takes methods and contents, and answers them. */
export class ChannelSession implements ChannelContext, ConfirmSink {
  readonly number: number
  readonly virtualHost: VirtualHost
  readonly connection: Connection
  readonly channel: Channel
  readonly frames: FrameWriter
  readonly session: ChannelHost
  prefetch = 0
  lastQueue: string | undefined
  readonly #content = new ContentReceiver((address, message, scan) => this.#publish(address, message, scan))
  readonly replies: DirectReplyConsumer
  readonly #permit: PublishPermit
  #confirms: PublishConfirms | undefined
  /** The publish of now, if it is to be returned when no queue takes it: what has no queue is told at once. */
  #returnable: Message | undefined
  #isOpen = true

  constructor(number: number, session: ChannelHost) {
    this.number = number
    this.session = session
    this.virtualHost = session.virtualHost
    this.connection = session.connection
    this.frames = session.frames
    this.channel = session.connection.openChannel()
    this.replies = new DirectReplyConsumer(this)
    this.#permit = new PublishPermit(this.virtualHost, this.connection.guard)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A publish has begun, so that no method may come. */
  get isReceiving(): boolean {
    return this.#content.isOpen
  }

  /**
   * @param start of the arguments
   * @throws {ReplyError} what closes the channel
   * @throws {ConnectionError} what closes the connection
   */
  method(method: number, bytes: Buffer, start: number, end: number): void {
    if (method === METHOD.basicPublish) {
      this.session.publishing()
      return this.#content.method(bytes, start, end)
    }
    const handler = HANDLERS.get(method)
    if (handler === undefined) throw new ConnectionError(503, `method ${method >>> 16}.${method & 0xffff}`, method)
    handler(this, new ByteReader(bytes.subarray(start, end)))
    this.session.wrote()
  }

  header(bytes: Buffer, start: number, end: number): void {
    this.#content.header(bytes, start, end)
  }

  body(bytes: Buffer, start: number, end: number): void {
    this.#content.body(bytes, start, end)
  }

  failed(error: unknown): void {
    this.session.attempt(this, () => {
      throw error
    })
  }

  confirms(): void {
    this.#confirms ??= new PublishConfirms(this.frames, this.number)
  }

  stored(act: (done: Durable) => void, answer: () => void): void {
    let state: 'acting' | 'waiting' | 'stored' = 'acting'
    let resume: (() => void) | undefined
    const finish = (): void => {
      if (this.#isOpen) this.session.attempt(this, answer)
      this.session.wrote()
      resume?.()
    }
    act((error) => {
      // A failed store ends every connection.
      if (error !== undefined) return
      const wasWaiting = state === 'waiting'
      state = 'stored'
      if (wasWaiting) finish()
    })
    if (isStored(state)) return finish()
    state = 'waiting'
    resume = this.session.awaitAnswer()
  }

  retry(act: () => boolean): void {
    if (act()) return
    const resume = this.session.awaitAnswer()
    let isDone = false
    const again = (): void => {
      // What it throws ends the channel, and with that the waiting.
      this.session.attempt(this, () => (isDone = act()))
      this.session.wrote()
      if (isDone || !this.#isOpen) resume()
      else this.session.defer(again)
    }
    this.session.defer(again)
  }

  get isConfirming(): boolean {
    return this.#confirms !== undefined
  }

  /** Publishes whose outcome is not known yet. */
  get unconfirmed(): number {
    return this.#confirms?.pending ?? 0
  }

  /** Writes the confirms of this turn. */
  flushConfirms(): void {
    if (this.#isOpen) this.#confirms?.flush()
  }

  /** Returns what is unsettled and ends the consumers. */
  close(): void {
    this.#isOpen = false
    this.replies.cancel()
    this.channel.close()
    this.virtualHost.closedChannels.add(this.channel.counters)
  }

  #publish(address: PublishAddress, message: Message, scan: PropertyScan): void {
    this.#permit.require(address)
    if (scan.userId !== undefined) this.#requireUser(scan.userId)
    const token = this.replies.token
    const addressed = scan.replyTo === REPLY_QUEUE ? this.virtualHost.directReplies.addressed(message, token) : message
    this.#returnable = address.mandatory ? message : undefined
    this.channel.counters.published++
    this.virtualHost.publish(addressed, optionsOf(scan), this, this.#confirms?.next() ?? 0)
    this.#returnable = undefined
  }

  /** @throws {ReplyError} 406 for somebody else's name */
  #requireUser(userId: string): void {
    const { user, tags } = this.session
    if (userId === user || tags.includes('impersonator')) return
    throw new ReplyError(406, `user_id property set to '${userId}' but authenticated user was '${user}'`)
  }

  /** What became of a publish; `tag` is 0 when nobody asked. */
  confirmed(tag: number, outcome: PublishOutcome): void {
    if (!this.#isOpen) return
    if (outcome === 'unroutable') this.#unroutable()
    if (this.#confirms === undefined || tag === 0) return
    if (outcome === 'refused') {
      this.#confirms.nack(tag)
      this.session.wrote()
    } else {
      this.channel.counters.confirmed++
      this.#confirms.ack(tag)
      this.session.confirming(this)
    }
  }

  #unroutable(): void {
    const { counters } = this.channel
    if (this.#returnable === undefined) counters.dropped++
    else {
      counters.returned++
      this.#return(this.#returnable)
    }
  }

  #return({ exchange: name, routingKey, properties, body }: Message): void {
    writeReturn(this.frames, this.number, name, routingKey)
    this.frames.content(this.number, properties, body, this.session.frameMax)
    this.session.wrote()
  }
}

const PERSISTENT: PublishOptions = { persistent: true }
const TRANSIENT: PublishOptions = { persistent: false }

function optionsOf({ persistent, expiration }: PropertyScan): PublishOptions {
  if (expiration === undefined) return persistent ? PERSISTENT : TRANSIENT
  return { persistent, ttlMs: readExpiration(expiration) }
}

function flow(context: ChannelContext, reader: ByteReader): void {
  if (!readFlow(reader).active) throw new ConnectionError(540, 'active=false', METHOD.channelFlow)
  writeFlowOk(context.frames, context.number, true)
}

function selectConfirms(context: ChannelContext, reader: ByteReader): void {
  const { noWait } = readConfirmSelect(reader)
  context.confirms()
  if (!noWait) writePlain(context.frames, context.number, METHOD.confirmSelectOk)
}

/** A closure may have changed it since it was compared last. */
function isStored(state: 'acting' | 'waiting' | 'stored'): boolean {
  return state === 'stored'
}
