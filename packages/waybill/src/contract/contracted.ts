// The types of contracted messages. What a message carries is written down once, in fields that exist for the compiler
// alone, so that looking a body up is one indexed access however large the contract is.
import type { Channel } from '../message/channel.ts'
import type { MessageKind } from '../message/kind.ts'
import type { BodyType } from './body-type.ts'
import type { ForeignMapping } from './foreign-mapping.ts'
import type { UpcastStep } from './upcast.ts'

/** Kinds that a contract may declare; replies belong to the message they answer. */
export type ContractedKind = Exclude<MessageKind, 'reply'>

/** One message of a contract: a plain frozen value that both sides import. */
export interface Contracted<Kind extends ContractedKind, BodyIn, BodyOut, ReplyBodyIn, ReplyBodyOut> {
  readonly kind: Kind
  /** Contract and name: `orders.placed`. CloudEvents `type`. */
  readonly type: string
  /** The name within the contract: `placed`. */
  readonly name: string
  /** The contract's name: `orders`. */
  readonly contract: string
  readonly channel: Channel
  /** The version of the body's schema, from 1. */
  readonly version: number
  /** Media type of the body. */
  readonly contentType: string
  /** The shard key of a body as it was sent; `undefined` when the messages have no order to keep. */
  readonly key: ((body: unknown) => string) | undefined
  /** The outbox of who sends it numbers the messages of each key. */
  readonly sequence: boolean
  readonly body: BodyType
  /** `undefined`: a reply, where one is asked for, says only that the message was handled. */
  readonly reply: BodyType | undefined
  /** Steps from older versions, by the version they start from. */
  readonly upcast: ReadonlyMap<number, UpcastStep>
  /** How ordinary clients write it; set by `foreign()`. */
  readonly foreign: ForeignMapping | undefined

  // For the compiler alone: never present at run time.
  readonly '~in': BodyIn
  readonly '~out': BodyOut
  readonly '~replyIn': ReplyBodyIn
  readonly '~replyOut': ReplyBodyOut
}

/** An operation and its parameters; one recipient. */
export interface Command<BodyIn, BodyOut = BodyIn, ReplyBodyIn = void, ReplyBodyOut = ReplyBodyIn> extends Contracted<
  'command',
  BodyIn,
  BodyOut,
  ReplyBodyIn,
  ReplyBodyOut
> {}

/** Something notable that happened; any number of recipients. */
export interface Event<BodyIn, BodyOut = BodyIn> extends Contracted<'event', BodyIn, BodyOut, void, void> {
  readonly stored: true
}

/** An event that is not stored: whoever listens at this moment receives it, at most once. */
export interface Signal<BodyIn, BodyOut = BodyIn> extends Contracted<'event', BodyIn, BodyOut, void, void> {
  readonly stored: false
}

/** A question to one answerer. */
export interface Query<BodyIn, BodyOut, ReplyBodyIn, ReplyBodyOut> extends Contracted<
  'query',
  BodyIn,
  BodyOut,
  ReplyBodyIn,
  ReplyBodyOut
> {}

/** A question to many, some of whom answer. */
export interface Survey<BodyIn, BodyOut, ReplyBodyIn, ReplyBodyOut> extends Contracted<
  'survey',
  BodyIn,
  BodyOut,
  ReplyBodyIn,
  ReplyBodyOut
> {}

/** Data only; one recipient, who decides what it means. */
export interface Document<BodyIn, BodyOut = BodyIn> extends Contracted<'document', BodyIn, BodyOut, void, void> {}

// Every type parameter stands in a read-only field, so each message is assignable to the one of `unknown`.
export type AnyCommand = Command<unknown, unknown, unknown, unknown>
export type AnyStoredEvent = Event<unknown, unknown>
export type AnySignal = Signal<unknown, unknown>
export type AnyEvent = AnyStoredEvent | AnySignal
export type AnyQuery = Query<unknown, unknown, unknown, unknown>
export type AnySurvey = Survey<unknown, unknown, unknown, unknown>
export type AnyDocument = Document<unknown, unknown>
export type AnyContracted = Contracted<ContractedKind, unknown, unknown, unknown, unknown>
/** What one recipient answers: a query, or a command, whose reply is empty where it declares none. */
export type AnyRequest = AnyQuery | AnyCommand

/** The body as the sender passes it: its schema's input. */
export type In<M extends AnyContracted> = M['~in']
/** The body as a handler receives it: its schema's output. */
export type Out<M extends AnyContracted> = M['~out']
/** The reply as a handler returns it: its schema's input; `void` where none is declared. */
export type ReplyIn<M extends AnyContracted> = M['~replyIn']
/** The reply as the requester receives it: its schema's output. */
export type ReplyOf<M extends AnyContracted> = M['~replyOut']
