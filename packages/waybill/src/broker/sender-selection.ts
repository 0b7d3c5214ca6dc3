import { findHeader, hasHeaders, stringsAt, withoutHeader, type HeaderPlace } from './encoded-properties.ts'
import type { Message } from './message.ts'
import { ReplyError } from './reply-error.ts'

/** Sender-selected distribution (RabbitMQ): routing keys besides that of the publish, from the headers CC and BCC. */
export interface SenderSelection {
  /** That of the publish, then the others. */
  readonly routingKeys: readonly string[]
  /** The message as it is handed out: without BCC. */
  readonly message: Message
}

/**
 * `undefined` when the sender has selected nothing.
 *
 * @throws {ReplyError} 406 when CC or BCC is no array
 */
export function senderSelection(message: Message): SenderSelection | undefined {
  // Who publishes in this process has no such headers, and its properties are not encoded before they must be.
  if (message.origin !== undefined || !hasHeaders(message.properties)) return undefined
  const { properties, routingKey } = message
  const [cc, bcc] = [findHeader(properties, 'CC'), findHeader(properties, 'BCC')]
  if (cc === undefined && bcc === undefined) return undefined
  const routingKeys = [...new Set([routingKey, ...keysAt(message, 'CC', cc), ...keysAt(message, 'BCC', bcc)])]
  return { routingKeys, message: bcc === undefined ? message : withProperties(message, withoutHeader(properties, bcc)) }
}

export function withProperties({ exchange, routingKey, body }: Message, properties: Uint8Array): Message {
  return { exchange, routingKey, properties, body, origin: undefined }
}

function keysAt({ properties }: Message, name: string, place: HeaderPlace | undefined): readonly string[] {
  if (place === undefined) return []
  const keys = stringsAt(properties, place)
  if (keys === undefined) throw new ReplyError(406, `invalid message: header ${name} must be an array of strings`)
  return keys
}
