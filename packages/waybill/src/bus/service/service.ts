import type {
  AnyContracted,
  AnyDocument,
  AnyCommand,
  AnyRequest,
  AnySignal,
  AnyStoredEvent,
  AnySurvey,
  Command,
  Out,
  ReplyIn,
  ReplyOf,
} from '../../contract/contract.ts'
import type { Middleware } from '../../middleware/handler.ts'
import type { Store } from '../../store/store.ts'
import type { Batch, BatchContext, TransactionalBatchContext } from './batch.ts'
import type { Context } from './context.ts'
import type { BatchSize } from './limit-options.ts'
import type { BatchOptions, HandlerOptions, InboxOptions, SubscriberOptions } from './handler-options.ts'
import type { Registration } from './registration.ts'
import type { TransactionalContext } from './transactional-context.ts'

/** The reply to a `requestAsync`: the value, or the error with which the handler failed for good. */
export type AsyncReply<Reply> =
  { readonly ok: true; readonly value: Reply } | { readonly ok: false; readonly error: Error }

/** A command that declares no reply. */
export type CommandWithoutReply = Command<unknown, unknown, void, void>

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
  /** Where its handlers' transactions are. */
  readonly store: Store<unknown> | undefined
  /** Handles a command, a document, or an event. A command's handler returns its reply where it declares one. */
  on<M extends AnyStoredEvent>(
    event: M,
    handler: (body: Out<M>, context: Context) => void | Promise<void>,
    options?: SubscriberOptions<Out<M>>,
  ): Service
  /** Handles an event that is not stored: every running instance of the service receives each. */
  on<M extends AnySignal>(
    event: M,
    handler: (body: Out<M>, context: Context) => void | Promise<void>,
    options?: HandlerOptions<Out<M>>,
  ): Service
  on<M extends AnyCommand | AnyDocument>(
    message: M,
    handler: (body: Out<M>, context: Context) => ReplyIn<M> | Promise<ReplyIn<M>>,
    options?: Omit<SubscriberOptions<Out<M>>, 'group' | 'broadcast'>,
  ): Service
  /**
   * Handles the messages of this type in batches: an event, a document, or a command without reply. Each message keeps its
   * own retries and its own way to the dead letters. On an ordered subscription a batch has one message of each key.
   */
  onBatch<M extends AnyStoredEvent>(
    event: M,
    handler: (batch: Batch<Out<M>>, context: BatchContext) => void | Promise<void>,
    options: BatchOptions,
  ): Service
  onBatch<M extends AnyDocument | CommandWithoutReply>(
    message: M,
    handler: (batch: Batch<Out<M>>, context: BatchContext) => void | Promise<void>,
    options: Omit<BatchOptions, 'group' | 'broadcast'>,
  ): Service
  /** Answers a query or a survey. */
  answer<M extends AnyRequest | AnySurvey>(
    question: M,
    handler: (body: Out<M>, context: Context) => ReplyIn<M> | Promise<ReplyIn<M>>,
    options?: HandlerOptions<Out<M>>,
  ): Service
  /** Receives the replies to this service's `requestAsync`. `context.causationId` is the id of the request. */
  onReply<M extends AnyRequest>(
    request: M,
    handler: (reply: AsyncReply<ReplyOf<M>>, context: Context) => void | Promise<void>,
    options?: Omit<HandlerOptions, 'rate'>,
  ): Service
  /** Wraps every handler of this service; the first one is the outermost. */
  use(middleware: Middleware): Service
}

/**
 * A service whose handlers run in a transaction of its store each. What a handler writes with `ctx.tx` and what it sends is
 * committed together with the note that its message was handled; a message that comes again is acknowledged, and not handled
 * again.
 */
export interface TransactionalService<Tx> extends Service {
  readonly store: Store<unknown>
  on<M extends AnyStoredEvent>(
    event: M,
    handler: (body: Out<M>, context: TransactionalContext<Tx>) => void | Promise<void>,
    options?: SubscriberOptions<Out<M>> & InboxOptions<Out<M>>,
  ): TransactionalService<Tx>
  on<M extends AnySignal>(
    event: M,
    handler: (body: Out<M>, context: TransactionalContext<Tx>) => void | Promise<void>,
    options?: HandlerOptions<Out<M>>,
  ): TransactionalService<Tx>
  on<M extends AnyCommand | AnyDocument>(
    message: M,
    handler: (body: Out<M>, context: TransactionalContext<Tx>) => ReplyIn<M> | Promise<ReplyIn<M>>,
    options?: Omit<SubscriberOptions<Out<M>>, 'group' | 'broadcast'> & InboxOptions<Out<M>>,
  ): TransactionalService<Tx>
  onBatch<M extends AnyStoredEvent>(
    event: M,
    handler: (batch: Batch<Out<M>>, context: TransactionalBatchContext<Tx>) => void | Promise<void>,
    options: BatchOptions & InboxOptions<Out<M>>,
  ): TransactionalService<Tx>
  onBatch<M extends AnyDocument | CommandWithoutReply>(
    message: M,
    handler: (batch: Batch<Out<M>>, context: TransactionalBatchContext<Tx>) => void | Promise<void>,
    options: Omit<BatchOptions, 'group' | 'broadcast'> & InboxOptions<Out<M>>,
  ): TransactionalService<Tx>
  answer<M extends AnyRequest | AnySurvey>(
    question: M,
    handler: (body: Out<M>, context: TransactionalContext<Tx>) => ReplyIn<M> | Promise<ReplyIn<M>>,
    options?: HandlerOptions<Out<M>> & Pick<InboxOptions<Out<M>>, 'idempotentBy'>,
  ): TransactionalService<Tx>
  onReply<M extends AnyRequest>(
    request: M,
    handler: (reply: AsyncReply<ReplyOf<M>>, context: TransactionalContext<Tx>) => void | Promise<void>,
    options?: Omit<HandlerOptions, 'rate'> & Pick<InboxOptions<AsyncReply<ReplyOf<M>>>, 'idempotentBy'>,
  ): TransactionalService<Tx>
  use(middleware: Middleware): TransactionalService<Tx>
}

export interface ServiceOptions<Tx> {
  /** The database that its handlers write to, with the tables of the inbox and the outbox. */
  readonly store: Store<Tx>
}

/** Of services and groups. */
export const SERVICE_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

/**
 * @param name the service's name, and of its groups: letters, digits, `_` and `-`, at most 63
 * @throws {TypeError} when the name is not of that form, a handler is no function, or one message is registered twice in
 *   a group; `createBus` checks the options
 */
export function service(name: string): Service
export function service<Tx>(name: string, options: ServiceOptions<Tx>): TransactionalService<Tx>
export function service(name: string, options?: ServiceOptions<unknown>): Service {
  if (!SERVICE_NAME.test(name))
    throw new TypeError(
      `"${name}" is not a service name: letters, digits, _ and -, at most 63, beginning with a letter or digit`,
    )
  return build({ name, store: options?.store, registrations: [], middleware: [] })
}

function build(parts: Pick<Service, 'name' | 'store' | 'registrations' | 'middleware'>): Service {
  const { name, registrations, middleware } = parts
  const add = (
    role: Registration['role'],
    message: AnyContracted,
    handle: Registration['handle'],
    options: Registration['options'] = {},
    batch?: BatchSize,
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
    const made: Registration = { role, message, handle, options, ...(batch === undefined ? {} : { batch }) }
    return build({ ...parts, registrations: [...registrations, made] })
  }
  return Object.freeze({
    ...parts,
    on: (message: AnyContracted, handler: Registration['handle'], options?: Registration['options']) =>
      add('on', message, handler, options),
    onBatch: (message: AnyContracted, handler: Registration['handle'], { batch, ...options }: BatchOptions) =>
      add('on', message, handler, options, batch),
    answer: (message: AnyContracted, handler: Registration['handle'], options?: Registration['options']) =>
      add('answer', message, handler, options),
    onReply: (message: AnyContracted, handler: Registration['handle'], options?: Registration['options']) =>
      add('reply', message, handler, options),
    use: (added: Middleware) => build({ ...parts, middleware: [...middleware, added] }),
  })
}
