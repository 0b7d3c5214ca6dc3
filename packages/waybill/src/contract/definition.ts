import type { Schema, SchemaIn, SchemaOut } from './body-type.ts'
import type { AnyContracted, Command, ContractedKind, Document, Event, Query, Signal, Survey } from './contracted.ts'
import type { UpcastStep } from './upcast.ts'

/** A message before its contract has named it. */
export interface Definition<M extends AnyContracted> {
  readonly kind: ContractedKind
  readonly body: Schema
  readonly reply: Schema | undefined
  readonly version: number
  readonly key: ((body: unknown) => string) | undefined
  readonly sequence: boolean
  /** Of an event: whether it is kept until it has been handled. */
  readonly stored: boolean
  readonly upcast: Readonly<Record<number, UpcastStep>>
  /** For the compiler alone: never present at run time. */
  readonly '~message': M
}

export interface VersionOptions {
  /** The version of the body's schema, from 1. Raise it with every change that an older receiver could misread. Default 1. */
  readonly version?: number
  /**
   * How to read older versions, by the version a step starts from: `{ 1: upcast(schema1, (v1) => …), 2: … }`. Steps must
   * lead to `version` without a gap. A version older than the first step is unknown.
   */
  readonly upcast?: Readonly<Record<number, UpcastStep>>
}

export interface KeyedOptions<B extends Schema> extends VersionOptions {
  /** The shard key, from the body as it is sent: messages of one key keep their order on an ordered subscription. */
  readonly key?: (body: SchemaIn<B>) => string
}

export interface NumberedOptions<B extends Schema> extends KeyedOptions<B> {
  /**
   * Numbers the messages of each sender and key from 1 in the order in which their transactions commit, so that a receiver
   * can tell what is missing: `ctx.sequence`. Needs a key, and a sender with a store. Default false.
   */
  readonly sequence?: boolean
}

export interface CommandOptions<B extends Schema, R extends Schema> extends NumberedOptions<B> {
  /** What the handler returns to a requester. */
  readonly reply?: R
}

export interface EventOptions<B extends Schema> extends NumberedOptions<B> {
  /** Default true. `false`: it is for whoever listens at this moment, and at most once: see {@link SignalOptions}. */
  readonly stored?: true
}

/** An event that is not stored has no key: nothing keeps its order. */
export interface SignalOptions extends VersionOptions {
  /**
   * Every running instance that subscribes receives each event once at most. Nothing is kept for one that is away, that is
   * too slow, or whose handler fails for good.
   */
  readonly stored: false
}

/** The reply of a command that declares none. */
type NoReply = Schema & { readonly '~standard': { readonly types?: { readonly input: void; readonly output: void } } }

/** An operation and its parameters. One service handles it; it may be requested, and then answers with its reply. */
export function command<B extends Schema, R extends Schema = NoReply>(
  body: B,
  options: CommandOptions<B, R> = {},
): Definition<Command<SchemaIn<B>, SchemaOut<B>, SchemaIn<R>, SchemaOut<R>>> {
  return define('command', body, options.reply, options)
}

/** Something notable that happened. Anybody may subscribe. */
export function event<B extends Schema>(
  body: B,
  options?: EventOptions<B>,
): Definition<Event<SchemaIn<B>, SchemaOut<B>>>
export function event<B extends Schema>(body: B, options: SignalOptions): Definition<Signal<SchemaIn<B>, SchemaOut<B>>>
export function event(body: Schema, options: EventOptions<Schema> | SignalOptions = {}): Definition<AnyContracted> {
  return define('event', body, undefined, options)
}

/** A question to one answerer. */
export function query<B extends Schema, R extends Schema>(
  body: B,
  reply: R,
  options: VersionOptions = {},
): Definition<Query<SchemaIn<B>, SchemaOut<B>, SchemaIn<R>, SchemaOut<R>>> {
  return define('query', body, reply, options)
}

/** A question to many, some of whom answer. */
export function survey<B extends Schema, R extends Schema>(
  body: B,
  reply: R,
  options: VersionOptions = {},
): Definition<Survey<SchemaIn<B>, SchemaOut<B>, SchemaIn<R>, SchemaOut<R>>> {
  return define('survey', body, reply, options)
}

/** Data only, for one recipient, who decides what it means. */
export function document<B extends Schema>(
  body: B,
  options: KeyedOptions<B> = {},
): Definition<Document<SchemaIn<B>, SchemaOut<B>>> {
  return define('document', body, undefined, options)
}

function define<M extends AnyContracted>(
  kind: ContractedKind,
  body: Schema,
  reply: Schema | undefined,
  options: VersionOptions & {
    readonly key?: (body: never) => string
    readonly stored?: boolean
    readonly sequence?: boolean
  },
): Definition<M> {
  return Object.freeze({
    kind,
    body,
    reply,
    version: options.version ?? 1,
    key: options.key as Definition<M>['key'], // called only with bodies that `body` has let through
    stored: options.stored ?? true,
    sequence: options.sequence ?? false,
    upcast: options.upcast ?? {},
  }) as Definition<M> // '~message' is for the compiler alone
}
