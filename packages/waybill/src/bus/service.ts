import type {
  AnyContracted,
  AnyDocument,
  AnyCommand,
  AnyEvent,
  AnyRequest,
  AnySurvey,
  Out,
  ReplyIn,
  ReplyOf,
} from '../contract/contract.ts'
import type { Middleware } from '../middleware/handler.ts'
import type { Retry } from '../middleware/retry-policy.ts'
import type { Duration } from '../runtime/duration.ts'
import type { StartPosition } from '../transport/transport.ts'
import type { Context } from './context.ts'

export interface HandlerOptions {
  /** Handlers of this subscription that run at a time. Default 16. Handlers that share a subscription share the largest. */
  readonly concurrency?: number
  /** Unsettled deliveries held here. Default twice the concurrency. */
  readonly prefetch?: number
  /** How long a handler may take before its signal aborts; it keeps its slot until it returns. Default `'30s'`. */
  readonly timeout?: Duration
  /** How a failed message is tried again; a request whose caller waits is not, because the caller decides. */
  readonly retry?: Retry
  /**
   * What becomes of a type, version or wire format unknown here. Default `'dead-letter'`. A type that no handler of a
   * shared subscription knows is skipped where one of them says so.
   */
  readonly unknown?: 'dead-letter' | 'skip'
}

export interface SubscriberOptions extends HandlerOptions {
  /**
   * Keeps the order of each key, through failures too, and handles different keys in parallel. Needs a contract with
   * shards. Default false; handlers that share a subscription are all ordered when one is.
   */
  readonly ordered?: boolean
  /**
   * A group of its own instead of the service's name: it receives each event once more. Letters, digits, `_` and `-`, at
   * most 63. Events only.
   */
  readonly group?: string
  /** Every running instance receives each event from now on; nothing is kept for one that is down. Events only. */
  readonly broadcast?: boolean
  /** Where a new group begins. Default `'now'`. */
  readonly start?: StartPosition
}

/** The reply to a `requestAsync`: the value, or the error with which the handler failed for good. */
export type AsyncReply<Reply> =
  { readonly ok: true; readonly value: Reply } | { readonly ok: false; readonly error: Error }

/** A handler as it was registered; types are checked at registration and erased here. */
export interface Registration {
  readonly role: 'on' | 'answer' | 'reply'
  readonly message: AnyContracted
  readonly handle: (body: never, context: Context) => unknown
  readonly options: SubscriberOptions
}

/**
 * What one service does with which message. A plain value: it does nothing until a bus runs it.
 *
 * A handler that returns acknowledges; one that throws is tried again by its `retry`, then dead-lettered. The handlers of
 * one service on one contract's events share one subscription, so that the events of one key keep their order.
 */
export interface Service {
  readonly name: string
  readonly registrations: readonly Registration[]
  readonly middleware: readonly Middleware[]
  /** Handles a command, a document, or an event. A command's handler returns its reply where it declares one. */
  on<M extends AnyEvent>(
    event: M,
    handler: (body: Out<M>, context: Context) => void | Promise<void>,
    options?: SubscriberOptions,
  ): Service
  on<M extends AnyCommand | AnyDocument>(
    message: M,
    handler: (body: Out<M>, context: Context) => ReplyIn<M> | Promise<ReplyIn<M>>,
    options?: Omit<SubscriberOptions, 'group' | 'broadcast'>,
  ): Service
  /** Answers a query or a survey. */
  answer<M extends AnyRequest | AnySurvey>(
    question: M,
    handler: (body: Out<M>, context: Context) => ReplyIn<M> | Promise<ReplyIn<M>>,
    options?: HandlerOptions,
  ): Service
  /** Receives the replies to this service's `requestAsync`. `context.causationId` is the id of the request. */
  onReply<M extends AnyRequest>(
    request: M,
    handler: (reply: AsyncReply<ReplyOf<M>>, context: Context) => void | Promise<void>,
    options?: HandlerOptions,
  ): Service
  /** Wraps every handler of this service; the first one is the outermost. */
  use(middleware: Middleware): Service
}

/** Of services and groups. */
export const SERVICE_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

/**
 * @param name the service's name, and of its groups: letters, digits, `_` and `-`, at most 63
 * @throws {TypeError} when the name is not of that form, a handler is no function, or one message is registered twice in
 *   a group; `createBus` checks the options
 */
export function service(name: string): Service {
  if (!SERVICE_NAME.test(name))
    throw new TypeError(
      `"${name}" is not a service name: letters, digits, _ and -, at most 63, beginning with a letter or digit`,
    )
  return build(name, [], [])
}

function build(name: string, registrations: readonly Registration[], middleware: readonly Middleware[]): Service {
  const add = (
    role: Registration['role'],
    message: AnyContracted,
    handle: Registration['handle'],
    options: SubscriberOptions = {},
  ): Service => {
    if (typeof handle !== 'function') throw new TypeError(`${name}: the handler of ${message.type} is not a function`)
    const twin = registrations.find(
      (other) =>
        other.role === role &&
        other.message.type === message.type &&
        (other.options.group ?? name) === (options.group ?? name) &&
        (other.options.broadcast ?? false) === (options.broadcast ?? false),
    )
    if (twin !== undefined) throw new TypeError(`${name} handles ${message.type} twice in one group`)
    return build(name, [...registrations, { role, message, handle, options }], middleware)
  }
  return Object.freeze({
    name,
    registrations,
    middleware,
    on: (message: AnyContracted, handler: Registration['handle'], options?: SubscriberOptions) =>
      add('on', message, handler, options),
    answer: (message: AnyContracted, handler: Registration['handle'], options?: HandlerOptions) =>
      add('answer', message, handler, options),
    onReply: (message: AnyContracted, handler: Registration['handle'], options?: HandlerOptions) =>
      add('reply', message, handler, options),
    use: (added: Middleware) => build(name, registrations, [...middleware, added]),
  })
}
