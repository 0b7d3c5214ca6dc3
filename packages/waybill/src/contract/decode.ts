import { WaybillError } from '../message/errors.ts'
import { FOREIGN_WIRE_VERSION, WIRE_VERSION, type WireMessage } from '../message/wire-message.ts'
import { readBody } from './body-codec.ts'
import type { AnyContracted } from './contracted.ts'
import { readForeign } from './foreign.ts'
import { liftToCurrent } from './upcast.ts'
import { validate } from './validate.ts'

/**
 * The body of a received message, valid by the contract: a handler never sees a malformed one. A promise only where a
 * schema is asynchronous. An older version of the body is lifted step by step first.
 *
 * @throws {WaybillError} `WAYBILL_UNKNOWN_TYPE` for another type, a newer wire format, a newer version of the body, or
 *   an older one without an upcast; `WAYBILL_MALFORMED` when the bytes are not what the content type says or a header is
 *   missing; `WAYBILL_INVALID_MESSAGE` when the body does not match the schema
 */
export function decode(message: AnyContracted, wire: WireMessage): unknown {
  refuseNewerWire(wire)
  if (message.foreign !== undefined) {
    return validate(message.body.schema, readForeign(message.type, message.foreign, wire), message.type)
  }
  if (wire.type !== message.type) throw unknown(`${described(wire)} is not ${message.type}`)
  if (wire.id === '') throw new WaybillError('WAYBILL_MALFORMED', `a message of type ${message.type} has no id`)
  if (wire.schemaVersion > message.version) {
    throw unknown(`${described(wire)} has version ${wire.schemaVersion}, newer than ${message.version}`)
  }
  const body = readBody(message.body, wire.body, contentTypeOf(message, wire), described(wire))
  if (wire.schemaVersion === message.version) return validate(message.body.schema, body, described(wire))
  const lifted = liftToCurrent(message, wire.schemaVersion, body, described(wire))
  return lifted instanceof Promise
    ? lifted.then((current) => validate(message.body.schema, current, described(wire)))
    : validate(message.body.schema, lifted, described(wire))
}

/** @throws {WaybillError} `WAYBILL_UNKNOWN_TYPE` when a newer Waybill wrote it in a way that this one may misread */
export function refuseNewerWire(wire: WireMessage): void {
  if (wire.wireVersion > WIRE_VERSION) {
    throw unknown(`${described(wire)} has wire version ${wire.wireVersion}, newer than ${WIRE_VERSION}`)
  }
}

/** An ordinary client that named the type but not the media type is taken at its word. */
function contentTypeOf(message: AnyContracted, wire: WireMessage): string {
  return wire.wireVersion === FOREIGN_WIRE_VERSION && wire.contentType === '' ? message.contentType : wire.contentType
}

/** Type and id for people; both may be anybody's text. */
export function described(wire: WireMessage): string {
  return `${wire.type === '' ? 'a message without type' : wire.type.slice(0, 200)} (id ${wire.id.slice(0, 100)})`
}

function unknown(what: string): WaybillError {
  return new WaybillError('WAYBILL_UNKNOWN_TYPE', what)
}
