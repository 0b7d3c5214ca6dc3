import type { Channel } from '../channel/channel.ts'
import type { Connection } from '../connection.ts'
import type { Durable } from '../store/message-log.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import type { FrameWriter } from '../wire/frame-writer.ts'
import { readConfirmSelect, readFlow, writeAccessRequestOk, writeFlowOk } from '../wire/methods/channel-methods.ts'
import { writePlain } from '../wire/methods/close-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import * as basic from './basic-handlers.ts'
import type { ChannelContext } from './channel-context.ts'
import { ChannelPublisher, type PublishingChannel } from './channel-publisher.ts'
import { ContentReceiver } from './content-receiver.ts'
import * as exchange from './exchange-handlers.ts'
import * as queue from './queue-handlers.ts'
import * as tx from './tx-handlers.ts'
import type { UncommittedBudget } from './uncommitted-budget.ts'
import { DirectReplyConsumer } from './direct-reply-consumer.ts'
import type { SessionContext } from './session-context.ts'

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
  /** Bodies that are not whole take so many octets more than before, or fewer. */
  unfinished(octets: number): void
  /** What transactions of all its channels may keep. */
  readonly uncommitted: UncommittedBudget
  /** Confirms are to be written at the end of this turn. */
  confirming(channel: ChannelSession): void
  defer(fn: () => void): void
  /** Runs what a channel does outside of its frames, for `method` or for none: what it throws ends the channel, or the connection. */
  attempt(channel: ChannelSession, method: number, act: () => void): void
}

const NO_METHOD = 0

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
  [METHOD.txSelect, tx.select],
  [METHOD.txCommit, tx.commit],
  [METHOD.txRollback, tx.rollback],
])

/** One channel that is open: takes methods and contents, and answers them. */
export class ChannelSession implements ChannelContext, PublishingChannel {
  readonly number: number
  readonly virtualHost: VirtualHost
  readonly connection: Connection
  readonly channel: Channel
  readonly frames: FrameWriter
  readonly session: ChannelHost
  prefetch = 0
  lastQueue: string | undefined
  readonly replies: DirectReplyConsumer
  readonly publisher: ChannelPublisher
  readonly #content: ContentReceiver
  /** The last one, whose answer may be pending. */
  #method = NO_METHOD
  #isOpen = true

  constructor(number: number, session: ChannelHost) {
    this.number = number
    this.session = session
    this.virtualHost = session.virtualHost
    this.connection = session.connection
    this.frames = session.frames
    this.channel = session.connection.openChannel()
    this.replies = new DirectReplyConsumer(this)
    const publisher = new ChannelPublisher(this)
    this.publisher = publisher
    this.#content = new ContentReceiver((address, message, scan) => publisher.publish(address, message, scan), {
      messageBytes: session.limits.messageBytes,
      changed: (octets) => session.unfinished(octets),
    })
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
    this.#method = method
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
    this.session.attempt(this, NO_METHOD, () => {
      throw error
    })
  }

  confirming(): void {
    this.session.confirming(this)
  }

  stored(act: (done: Durable) => void, answer: () => void): void {
    const method = this.#method
    let state: 'acting' | 'waiting' | 'stored' = 'acting'
    let resume: (() => void) | undefined
    const finish = (): void => {
      if (this.#isOpen) this.session.attempt(this, method, answer)
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
    const method = this.#method
    const resume = this.session.awaitAnswer()
    let isDone = false
    const again = (): void => {
      // A channel that has closed takes nothing: nobody would return it.
      if (!this.#isOpen) return resume()
      // What it throws ends the channel, and with that the waiting.
      this.session.attempt(this, method, () => (isDone = act()))
      this.session.wrote()
      if (isDone || !this.#isOpen) resume()
      else this.session.defer(again)
    }
    this.session.defer(again)
  }

  /** Writes the confirms of this turn. */
  flushConfirms(): void {
    if (this.#isOpen) this.publisher.flushConfirms()
  }

  /** Returns what is unsettled and ends the consumers. */
  close(): void {
    this.#isOpen = false
    this.#content.close()
    this.replies.cancel()
    this.publisher.close()
    this.channel.close()
    this.virtualHost.closedChannels.add(this.channel.counters)
  }
}

function flow(context: ChannelContext, reader: ByteReader): void {
  if (!readFlow(reader).active) throw new ConnectionError(540, 'active=false', METHOD.channelFlow)
  writeFlowOk(context.frames, context.number, true)
}

function selectConfirms(context: ChannelContext, reader: ByteReader): void {
  const { noWait } = readConfirmSelect(reader)
  context.publisher.selectConfirms()
  if (!noWait) writePlain(context.frames, context.number, METHOD.confirmSelectOk)
}

/** A closure may have changed it since it was compared last. */
function isStored(state: 'acting' | 'waiting' | 'stored'): boolean {
  return state === 'stored'
}
