// The verbs: from a typed call to a message on the send queue, and from replies back to the caller.
import type {
  AnyCommand,
  AnyContracted,
  AnyDocument,
  AnyEvent,
  AnyRequest,
  AnySurvey,
  In,
  ReplyOf,
} from '../../contract/contract.ts'
import { encode, type Encoded } from '../../contract/encode.ts'
import { decodeReply } from '../../contract/reply.ts'
import { wireMessage } from '../../message/build-message.ts'
import { asError } from '../../message/as-error.ts'
import { causedBy } from '../../message/cause.ts'
import { WaybillError } from '../../message/errors.ts'
import { checkedHeaders } from '../../message/header-rules.ts'
import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { durationMs } from '../../runtime/duration.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Outgoing } from '../../transport/transport.ts'
import type { Logger } from '../observation/logger.ts'
import type { Outlet } from './outlet.ts'
import { AWAITED_HEADER } from '../../message/awaited.ts'
import { checkedId, checkedKey } from './check-identity.ts'
import { replyChannel } from '../requests/reply-channel.ts'
import type { Replies } from '../requests/replies.ts'
import { scatterReplies, type Asked } from '../requests/scatter.ts'
import type { RequestAsyncOptions, RequestOptions, ScatterOptions, Sender, SendOptions, Sent } from './sender.ts'
import type { SurveyReply } from '../requests/scatter.ts'
import type { SendQueue } from './send-queue.ts'

/** What every messenger of one bus shares. */
export interface MessengerParts {
  readonly runtime: Runtime
  readonly sends: SendQueue
  readonly replies: Replies
  readonly logger: Logger
  /** The return address of this process, once replies can come there; subscribes on first use. */
  readonly returnAddress: (withinMs: number, signal: AbortSignal | undefined) => string | Promise<string>
  /** The return address of a durable reply channel. */
  readonly addressOf: (channel: Channel) => string
  /** Where the broker cannot or must not have it by itself. @throws {WaybillError} where nobody can */
  readonly outletFor: (contracted: AnyContracted, delayMs: number) => Outlet | undefined
  readonly sendTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly warnBodyBytes: number
}

interface Extras {
  readonly replyTo?: string
  readonly expiresAt?: number
  readonly awaited?: boolean
}

/** Speaks for one source; within a handler, everything said is caused by the message being handled. */
export class Messenger implements Sender {
  readonly #parts: MessengerParts
  readonly #source: string
  readonly #replyService: string | undefined
  readonly #parent: WireMessage | undefined
  readonly #outlet: Outlet | undefined

  /**
   * @param replyService whose `onReply` handlers get the replies to asynchronous requests, unless told otherwise
   * @param outlet where what is sent goes, without `request` and `scatter`. Default the broker
   */
  constructor(
    parts: MessengerParts,
    source: string,
    replyService: string | undefined,
    parent?: WireMessage,
    outlet?: Outlet,
  ) {
    this.#parts = parts
    this.#source = source
    this.#replyService = replyService
    this.#parent = parent
    this.#outlet = outlet
  }

  publish<M extends AnyEvent>(event: M, body: In<M>, options: SendOptions = {}): Promise<Sent> {
    return this.#send(event, body, options)
  }

  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options: SendOptions = {}): Promise<Sent> {
    return this.#send(message, body, options)
  }

  async requestAsync<M extends AnyRequest>(request: M, body: In<M>, options: RequestAsyncOptions = {}): Promise<Sent> {
    const { replyTo } = options
    const service = typeof replyTo === 'object' ? replyTo.name : (replyTo ?? this.#replyService)
    if (service === undefined)
      throw new TypeError(
        `${request.type}: with several services, or none, name the one that gets the reply: { replyTo }`,
      )
    return this.#send(request, body, options, { replyTo: this.#parts.addressOf(replyChannel(service)) })
  }

  async request<M extends AnyRequest>(request: M, body: In<M>, options: RequestOptions = {}): Promise<ReplyOf<M>> {
    const { replies } = this.#parts
    const { signal } = options
    const asking = this.#ask(request, body, options)
    const { message, leftMs } = await asking()
    let stopAbort = (): void => {}
    const reply = new Promise<WireMessage>((resolve, reject) => {
      const forget = replies.expect(message.id, request.type, leftMs(), {
        reply: (wire) => {
          resolve(wire)
          return true
        },
        ended: reject,
      })
      const abandon = (error: unknown): void => {
        forget()
        reject(asError(error))
      }
      this.#hand(request, message, leftMs(), signal).catch(abandon)
      if (signal === undefined) return
      const onAbort = (): void => abandon(aborted(request.type, signal))
      signal.addEventListener('abort', onAbort, { once: true })
      stopAbort = () => signal.removeEventListener('abort', onAbort)
    })
    return decodeReply(request, await reply.finally(stopAbort))
  }

  scatter<M extends AnySurvey>(
    survey: M,
    body: In<M>,
    options: ScatterOptions = {},
  ): AsyncIterable<SurveyReply<ReplyOf<M>>> {
    const { limit, signal } = options
    if (limit !== undefined && (!Number.isInteger(limit) || limit < 1))
      throw new TypeError(`limit must be a whole number from 1, not ${limit}`)
    return scatterReplies<ReplyOf<M>>({
      replies: this.#parts.replies,
      survey,
      limit,
      signal,
      ask: this.#ask(survey, body, options),
      send: (message, leftMs) => this.#hand(survey, message, leftMs, signal),
    })
  }

  /** Composes a question once replies to it can come. Its deadline counts from the call of what is returned. */
  #ask(contracted: AnyContracted, body: unknown, options: RequestOptions): () => Promise<Asked> {
    const { runtime, requestTimeoutMs, returnAddress } = this.#parts
    const timeoutMs = options.timeout === undefined ? requestTimeoutMs : durationMs(options.timeout)
    return async () => {
      const until = runtime.monotonic() + timeoutMs
      const expiresAt = runtime.now() + timeoutMs
      const replyTo = await returnAddress(timeoutMs, options.signal)
      const message = await this.compose(contracted, body, options, { replyTo, expiresAt, awaited: true })
      return { message, leftMs: () => Math.max(0, until - runtime.monotonic()) }
    }
  }

  async #send(contracted: AnyContracted, body: unknown, options: SendOptions, extras: Extras = {}): Promise<Sent> {
    const composed = this.compose(contracted, body, options, extras)
    const message = composed instanceof Promise ? await composed : composed
    const timeoutMs = options.timeout === undefined ? this.#parts.sendTimeoutMs : durationMs(options.timeout)
    if (options.delay !== undefined && contracted.channel.kind === 'signals')
      throw new TypeError(`${contracted.type} is not stored: it cannot be delayed`)
    const delayMs = options.delay === undefined ? 0 : durationMs(options.delay)
    const outlet = this.#outlet ?? this.#parts.outletFor(contracted, delayMs)
    if (outlet === undefined) await this.#hand(contracted, message, timeoutMs, options.signal, delayMs)
    else await outlet.put(contracted, outgoingOf(contracted, message, delayMs), timeoutMs, options.signal)
    return { id: message.id, correlationId: message.correlationId ?? message.id }
  }

  #hand(
    contracted: AnyContracted,
    message: WireMessage,
    timeoutMs: number,
    signal?: AbortSignal,
    delayMs = 0,
  ): Promise<void> {
    return this.#parts.sends.send(outgoingOf(contracted, message, delayMs), timeoutMs, signal)
  }

  /** A checked message of this source. A promise only where the schema is asynchronous. */
  compose(
    contracted: AnyContracted,
    body: unknown,
    options: SendOptions,
    extras: Extras = {},
  ): WireMessage | Promise<WireMessage> {
    const encoded = encode(
      contracted,
      body,
      options.headers === undefined ? NO_HEADERS : checkedHeaders(options.headers),
    )
    const build = ({ body: bytes, contentType, headers }: Encoded): WireMessage => {
      const { runtime, logger, warnBodyBytes } = this.#parts
      const id = options.id === undefined ? runtime.newId() : checkedId(options.id)
      if (bytes.byteLength > warnBodyBytes) {
        logger.warn(
          { type: contracted.type, id, bytes: bytes.byteLength },
          'a large body slows every broker down; send a reference instead',
        )
      }
      return wireMessage(
        {
          id,
          source: this.#source,
          type: contracted.type,
          kind: contracted.kind,
          schemaVersion: contracted.version,
          contentType,
          body: bytes,
          cause: this.#parent === undefined ? undefined : causedBy(this.#parent, runtime),
          replyTo: extras.replyTo,
          expiresAt: options.expiresIn === undefined ? extras.expiresAt : runtime.now() + durationMs(options.expiresIn),
          key: checkedKey(contracted.type, options.key ?? contracted.key?.(body)),
          headers: extras.awaited === true ? { ...headers, [AWAITED_HEADER]: '1' } : headers,
        },
        runtime,
      )
    }
    return encoded instanceof Promise ? encoded.then(build) : build(encoded)
  }
}

function outgoingOf({ channel }: AnyContracted, message: WireMessage, delayMs: number): Outgoing {
  return delayMs > 0 ? { message, to: channel, delayMs } : { message, to: channel }
}

function aborted(type: string, signal: AbortSignal): WaybillError {
  return new WaybillError('WAYBILL_ABORTED', `the request ${type} was aborted`, { cause: signal.reason })
}
