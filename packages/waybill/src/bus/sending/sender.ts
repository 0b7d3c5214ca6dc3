// The verbs a service speaks, on the bus and on the context of a handler.
import type { AnyCommand, AnyDocument, AnyEvent, AnyRequest, AnySurvey, In, ReplyOf } from '../../contract/contract.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { SurveyReply } from '../requests/scatter.ts'

export interface SendOptions {
  /** The shard key, instead of the contract's: at most 1,024 bytes. */
  readonly key?: string
  /** The user's own headers. Names that begin with `waybill-` are refused. */
  readonly headers?: Readonly<Record<string, string>>
  /** The message id, instead of a new one: send again with the same id after an unknown outcome. 1 to 255 bytes. */
  readonly id?: string
  /** Deliver it this much later. */
  readonly delay?: Duration
  /** Nobody wants it after this long. */
  readonly expiresIn?: Duration
  /** How long the send may take until the broker has confirmed, a lost link included. Default the bus's `sendTimeout`. */
  readonly timeout?: Duration
  /** Stops waiting: what has reached the broker by then is not taken back. */
  readonly signal?: AbortSignal
}

export interface RequestOptions {
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** How long to wait for the reply; the request expires with it. Default the bus's `requestTimeout`. */
  readonly timeout?: Duration
  readonly signal?: AbortSignal
}

export interface ScatterOptions extends RequestOptions {
  /** Stop after this many replies, from 1. Default: only the timeout ends it. */
  readonly limit?: number
}

export interface RequestAsyncOptions extends SendOptions {
  /**
   * The service whose `onReply` handler receives the reply, even after a restart. Default on a handler's context its own
   * service, on a bus with one service that one; otherwise it must be named.
   */
  readonly replyTo?: string | { readonly name: string }
}

/** What was sent, to find it again. */
export interface Sent {
  readonly id: string
  readonly correlationId: string
}

export interface Sender {
  /**
   * Tells everybody who subscribed that something happened. Resolves when the broker has stored it; of an event that is
   * not stored, when the broker has it, to hand it to whoever listens.
   *
   * @throws {WaybillError} `WAYBILL_INVALID_MESSAGE`, `WAYBILL_REFUSED`, `WAYBILL_NOT_CONNECTED`,
   *   `WAYBILL_OUTCOME_UNKNOWN`, `WAYBILL_BACKPRESSURE`, `WAYBILL_ABORTED`, `WAYBILL_CLOSED`, `WAYBILL_TOO_LARGE`
   * @throws {TypeError} when an option, a header, the id or the key is not what it must be
   */
  publish<M extends AnyEvent>(event: M, body: In<M>, options?: SendOptions): Promise<Sent>
  /**
   * Sends a command or a document to its one recipient. Resolves when the broker has stored it.
   *
   * @throws {WaybillError} as `publish`, and `WAYBILL_UNROUTABLE` when no service has ever claimed it
   */
  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options?: SendOptions): Promise<Sent>
  /**
   * Asks one answerer and waits for the reply.
   *
   * @throws {WaybillError} as `send`, and `WAYBILL_REMOTE_FAILED` at once when the handler failed,
   *   `WAYBILL_REQUEST_TIMEOUT` when no reply came in time, `WAYBILL_OUTCOME_UNKNOWN` when the link broke or the bus was
   *   closed while it was pending; the request may have been handled in each of these cases
   */
  request<M extends AnyRequest>(request: M, body: In<M>, options?: RequestOptions): Promise<ReplyOf<M>>
  /**
   * Asks one answerer; the reply goes to the service's `onReply` handler, even if the requester restarts meanwhile.
   * Resolves when the broker has stored the request.
   *
   * @throws {WaybillError} as `send`
   * @throws {TypeError} when `replyTo` must be named
   */
  requestAsync<M extends AnyRequest>(request: M, body: In<M>, options?: RequestAsyncOptions): Promise<Sent>
  /**
   * Asks everybody and streams the replies as they come, until `limit`, the timeout, or the caller leaves the loop. The
   * survey is sent when the iteration begins, and the timeout counts from there; iterate once. The timeout is the ordinary
   * end; an abort, a lost return address and a send that fails are thrown, a recipient's error is a reply that is not ok.
   *
   * @throws {TypeError} when `limit` is no whole number from 1
   * @throws {WaybillError} within the loop, as `send`
   */
  scatter<M extends AnySurvey>(survey: M, body: In<M>, options?: ScatterOptions): AsyncIterable<SurveyReply<ReplyOf<M>>>
}
