import { NO_HEADERS, type Headers } from '../message/wire-message.ts'
import { writeBody } from './body-codec.ts'
import type { AnyContracted } from './contracted.ts'
import { validate } from './validate.ts'

export interface Encoded {
  readonly body: Uint8Array
  /** `''` when a foreign mapping gives none. */
  readonly contentType: string
  /** Those given, or what a foreign mapping makes of them. */
  readonly headers: Headers
}

/**
 * Validates `body` and writes it. A promise only where the schema is asynchronous.
 *
 * What is written is the body as it was passed, not what the schema makes of it: the receiver's schema does that from
 * the same input, and so transformations and defaults happen once. What JSON changes (a `Date` becomes text) the schema
 * must take back: `z.coerce.date()`, not `z.date()`.
 *
 * @throws {InvalidMessageError} `WAYBILL_INVALID_MESSAGE` when the body does not match the schema
 * @throws {TypeError} when JSON cannot express the body, or a binary body is not bytes
 */
export function encode(
  message: AnyContracted,
  body: unknown,
  headers: Headers = NO_HEADERS,
): Encoded | Promise<Encoded> {
  const valid = validate(message.body.schema, body, message.type)
  return valid instanceof Promise ? valid.then(() => write(message, body, headers)) : write(message, body, headers)
}

function write(message: AnyContracted, body: unknown, headers: Headers): Encoded {
  if (message.foreign === undefined) {
    return { body: writeBody(message.body, body, message.type), contentType: message.contentType, headers }
  }
  const output = message.foreign.send(body, headers)
  return { body: output.body, contentType: output.contentType ?? '', headers: output.headers ?? headers }
}
