// What the log keeps as the properties of a message: the broker's own few numbers, then the basic properties as they are.
//
//   stored     = form published [ expiration ] [ due ] basic-properties
//   form       = octet              bit 0: expiration is there; bit 1: due is there
//   published  = uint48             milliseconds since the epoch
//   expiration = uint48             milliseconds from `published` until it expires
//   due        = uint48             milliseconds since the epoch at which a delayed message is routed
import type { Message } from './message.ts'
import type { StoredMessage } from './store/message-log.ts'

const HAS_EXPIRATION = 1
const HAS_DUE = 2

/** When things happen to a message; milliseconds since the epoch, or from `publishedAt` for `ttlMs`. */
export interface Times {
  readonly publishedAt: number
  readonly ttlMs: number | undefined
  readonly dueAt: number | undefined
}

export interface StoredForm {
  readonly message: Message
  readonly times: Times
}

/** The numbers before the basic properties of a message; good until the next call. */
export function storedPreface(publishedAt: number, ttlMs: number | undefined, dueAt: number | undefined): Uint8Array {
  const preface = PREFACES[(ttlMs === undefined ? 0 : HAS_EXPIRATION) | (dueAt === undefined ? 0 : HAS_DUE)] as Buffer // all four are there
  let at = preface.writeUIntBE(publishedAt, 1, 6)
  if (ttlMs !== undefined) at = preface.writeUIntBE(ttlMs, at, 6)
  if (dueAt !== undefined) preface.writeUIntBE(dueAt, at, 6)
  return preface
}

/** By form, which is their first octet. */
const PREFACES: readonly Buffer[] = [7, 13, 13, 19].map((length, form) => Buffer.alloc(length).fill(form, 0, 1))

export function toStored(message: Message, { publishedAt, ttlMs, dueAt }: Times): StoredMessage {
  const properties = Buffer.concat([storedPreface(publishedAt, ttlMs, dueAt), message.properties])
  return { exchange: message.exchange, routingKey: message.routingKey, properties, body: message.body }
}

export function fromStored(stored: StoredMessage): StoredForm {
  const bytes = stored.properties
  const form = bytes[0] ?? 0
  const publishedAt = uint48(bytes, 1)
  let at = 7
  let ttlMs: number | undefined
  let dueAt: number | undefined
  if ((form & HAS_EXPIRATION) !== 0) {
    ttlMs = uint48(bytes, at)
    at += 6
  }
  if ((form & HAS_DUE) !== 0) {
    dueAt = uint48(bytes, at)
    at += 6
  }
  const message: Message = {
    exchange: stored.exchange,
    routingKey: stored.routingKey,
    properties: stored.properties.subarray(at),
    body: stored.body,
    origin: undefined,
  }
  return { message, times: { publishedAt, ttlMs, dueAt } }
}

function uint48(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let n = 0; n < 6; n++) value = value * 256 + (bytes[at + n] as number) // as the form says
  return value
}
