import { WaybillError } from '../message/errors.ts'
import type { BodyType } from './body-type.ts'

/**
 * The bytes of a body. Bytes are passed on as they are, not copied.
 *
 * @throws {TypeError} when it is not bytes, or JSON cannot express it (undefined, a bigint, a circle)
 */
export function writeBody(type: BodyType, value: unknown, what: string): Uint8Array {
  if (type.codec === 'binary') {
    if (!(value instanceof Uint8Array))
      throw new TypeError(`the body of ${what} must be bytes: a Uint8Array or a Buffer`)
    return value
  }
  const json = JSON.stringify(value) as string | undefined // undefined for undefined, a function or a symbol
  if (json === undefined) throw new TypeError(`the body of ${what} is ${typeof value}, which JSON cannot express`)
  return utf8.encode(json)
}

/**
 * The value in `bytes`, not yet validated.
 *
 * @param contentType as it was received, parameters included; `''` when the sender gave none
 * @throws {WaybillError} `WAYBILL_MALFORMED` when it is not what `type` says. The error shows nothing of the body.
 */
export function readBody(type: BodyType, bytes: Uint8Array, contentType: string, what: string): unknown {
  if (contentType !== type.contentType && !accepts(type, contentType)) {
    const given = contentType === '' ? 'no content type' : `content type ${JSON.stringify(contentType.slice(0, 100))}`
    throw new WaybillError('WAYBILL_MALFORMED', `${what} has ${given} instead of ${type.contentType}`)
  }
  if (type.codec === 'binary') return bytes
  try {
    return JSON.parse(utf8Text.decode(bytes))
  } catch (error) {
    // Without the native error as cause: V8 quotes the body in it.
    const not = error instanceof SyntaxError ? 'JSON' : 'UTF-8'
    throw new WaybillError('WAYBILL_MALFORMED', `the ${bytes.byteLength} bytes of ${what} are not ${not}`)
  }
}

// RFC 6839 section 3.1: `+json` says that the body is JSON, whatever else it is.
const JSON_TYPE = /^(?:application|text)\/(?:[a-z0-9!#$&^_.+-]+\+)?json$/

function accepts(type: BodyType, contentType: string): boolean {
  // A media type is case-insensitive, and may have parameters (RFC 9110 section 8.3.1).
  const essence = (contentType.split(';', 1)[0] as string).trim().toLowerCase() // split gives at least one part
  return essence === type.contentType || (type.codec === 'json' && JSON_TYPE.test(essence))
}

const utf8 = new TextEncoder()
const utf8Text = new TextDecoder('utf-8', { fatal: true })
