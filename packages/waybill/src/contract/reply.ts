// The reply to a command, query or survey: a body of the contract's reply schema, nothing where it declares none, or a
// problem detail when the handler failed.
import { decodeProblem, encodeProblem, OUTCOME_HEADER, RemoteFailedError } from '../message/problem.ts'
import { NO_HEADERS, type WireMessage } from '../message/wire-message.ts'
import { readBody, writeBody } from './body-codec.ts'
import type { AnyContracted } from './contracted.ts'
import { described, refuseNewerWire } from './decode.ts'
import type { Encoded } from './encode.ts'
import { validate } from './validate.ts'

export type EncodedReply = Encoded

/** "Handled", and nothing more. */
const EMPTY: EncodedReply = Object.freeze({ body: new Uint8Array(0), contentType: '', headers: NO_HEADERS })

/**
 * Validates and writes what a handler returned; ignores it where the message declares no reply. A promise only where the
 * schema is asynchronous.
 *
 * @throws {InvalidMessageError} `WAYBILL_INVALID_MESSAGE` when it does not match the reply's schema
 * @throws {TypeError} when JSON cannot express it
 */
export function encodeReply(message: AnyContracted, value: unknown): EncodedReply | Promise<EncodedReply> {
  const { reply } = message
  if (reply === undefined) return EMPTY
  const what = `the reply to ${message.type}`
  const write = (): EncodedReply => ({
    body: writeBody(reply, value, what),
    contentType: reply.contentType,
    headers: NO_HEADERS,
  })
  const valid = validate(reply.schema, value, what)
  return valid instanceof Promise ? valid.then(write) : write()
}

/** The reply that tells the requester of the handler's error: name, message and code, never its stack. */
export function encodeFailure(error: unknown): EncodedReply {
  return encodeProblem(error)
}

/**
 * The value of a received reply, valid by the contract; `undefined` where the message declares none.
 *
 * Rejects with `WAYBILL_REMOTE_FAILED` ({@link RemoteFailedError}) when the handler failed, `WAYBILL_INVALID_MESSAGE`,
 * `WAYBILL_MALFORMED` or `WAYBILL_UNKNOWN_TYPE` when the reply cannot be read.
 */
export async function decodeReply(message: AnyContracted, wire: WireMessage): Promise<unknown> {
  refuseNewerWire(wire)
  if (wire.headers[OUTCOME_HEADER] === 'failed') {
    throw new RemoteFailedError(`${message.type} failed in ${wire.source.slice(0, 200)}`, decodeProblem(wire.body))
  }
  if (message.reply === undefined) return undefined
  const what = described(wire)
  return validate(message.reply.schema, readBody(message.reply, wire.body, wire.contentType, what), what)
}
