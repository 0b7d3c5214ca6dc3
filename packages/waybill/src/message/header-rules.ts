import { WaybillError } from './errors.ts'
import { RESERVED_HEADER_PREFIX, type Headers } from './wire-message.ts'

/** A message has few headers; many are a body in disguise. */
export const MAX_HEADERS = 64
/** AMQP 0-9-1 gives a name one length byte and asks for at most 128 characters (section 4.2.5.5). */
export const MAX_HEADER_NAME_LENGTH = 128
/** UTF-8 bytes of one value: what HTTP servers take for a line. */
export const MAX_HEADER_BYTES: number = 8 * 1_024
/**
 * UTF-8 bytes of all names and values. RabbitMQ keeps a message's headers in one frame, of 128 KiB unless configured
 * otherwise; half of it stays free for Waybill's own headers and the history of failures.
 */
export const MAX_HEADERS_BYTES: number = 64 * 1_024

// RFC 9110 section 5.6.2, `token`: what every engine, and HTTP, takes for a name.
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/
// CloudEvents attributes are written under these (`ce-` and `ce_` in HTTP and Kafka, `cloudEvents:` and `_` in AMQP).
const CLOUDEVENTS = /^(?:ce[-_]|cloudevents[:_])/i
// RabbitMQ acts on these, or writes them itself.
const BROKER = /^(?:B?CC|x-death|x-(?:first|last)-death-.*|x-(?:delivery|acquired)-count)$/

/**
 * A copy of the user's headers, safe on every engine. Values are any text.
 *
 * @throws {TypeError} for a name that is no RFC 9110 token, is longer than {@link MAX_HEADER_NAME_LENGTH}, or is
 *   Waybill's (`waybill-…`), CloudEvents' (`ce-…`) or the broker's (`CC`, `x-death`); for a value that is no text
 * @throws {WaybillError} `WAYBILL_TOO_LARGE` beyond {@link MAX_HEADERS}, {@link MAX_HEADER_BYTES} or
 *   {@link MAX_HEADERS_BYTES}
 */
export function checkedHeaders(headers: Headers): Headers {
  const checked: Record<string, string> = {}
  let count = 0
  let bytes = 0
  for (const [name, value] of Object.entries(headers)) {
    checkName(name)
    const size = checkValue(name, value)
    if (++count > MAX_HEADERS) throw tooLarge(`more than ${MAX_HEADERS} headers`)
    bytes += name.length + size
    if (bytes > MAX_HEADERS_BYTES) throw tooLarge(`headers of more than ${MAX_HEADERS_BYTES} bytes together`)
    checked[name] = value
  }
  return checked
}

function checkName(name: string): void {
  if (name.length > MAX_HEADER_NAME_LENGTH || !TOKEN.test(name) || name === '__proto__') {
    const shown = JSON.stringify(name.slice(0, MAX_HEADER_NAME_LENGTH))
    throw new TypeError(`${shown} cannot name a header: letters, digits and -._, at most ${MAX_HEADER_NAME_LENGTH}`)
  }
  if (name.toLowerCase().startsWith(RESERVED_HEADER_PREFIX)) throw new TypeError(`the header ${name} is Waybill's own`)
  if (CLOUDEVENTS.test(name)) throw new TypeError(`the header ${name} would be read as a CloudEvents attribute`)
  if (BROKER.test(name)) throw new TypeError(`the header ${name} is the broker's own`)
}

/** @returns its size in UTF-8 bytes */
function checkValue(name: string, value: unknown): number {
  if (typeof value !== 'string') throw new TypeError(`the header ${name} must be text, not ${typeof value}`)
  if (!value.isWellFormed())
    throw new TypeError(`the header ${name} has half a surrogate pair, which UTF-8 cannot carry`)
  const size = Buffer.byteLength(value)
  if (size > MAX_HEADER_BYTES) throw tooLarge(`the header ${name} of ${size} bytes, more than ${MAX_HEADER_BYTES}`)
  return size
}

function tooLarge(what: string): WaybillError {
  return new WaybillError('WAYBILL_TOO_LARGE', what, { cure: 'Put the data into the body.' })
}
