// How a message looks on NATS: the CloudEvents NATS protocol binding 1.0.2, binary mode. Each attribute of
// message/cloudevents.ts is a header `ce-<attribute>`, percent-encoded; datacontenttype is `content-type`. The user's
// headers stand beside them by their own names. The body is the payload. Headers that begin with `Nats-` are the server's.
//
// Ordinary clients' messages are read as they are: what they say of themselves as a CloudEvent is taken, everything else
// is a header, and nothing of it is decoded unless a Waybill wrote it.
import { MESSAGE_KINDS, type MessageKind } from '../../message/kind.ts'
import { formatTime, parseTime } from '../../message/rfc3339.ts'
import { FOREIGN_WIRE_VERSION, NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { attributeText, decoded, nameText, valueText } from './header-text.ts'

/** Of `Nats-Msg-Id`: the stream stores one id once within its window. */
const MESSAGE_ID = 'Nats-Msg-Id'

/** Headers of the server's own protocol, and ours about one stay in one stream: they are never sent on. */
const SERVERS = /^(?:Nats-|waybill-(?:delay|lane)-)/i

/** The header block as it goes over the wire. `more` are names and values that need no encoding. */
export function encodeHeaders(
  message: WireMessage,
  messageId: string | undefined,
  more?: Readonly<Record<string, string>>,
): Uint8Array {
  let text =
    `NATS/1.0\r\nce-specversion: 1.0\r\nce-id: ${attributeText(message.id)}\r\nce-source: ${attributeText(message.source)}` +
    `\r\nce-type: ${attributeText(message.type)}\r\nce-time: ${formatTime(message.time)}\r\nce-waybillkind: ${message.kind}` +
    `\r\nce-waybillwireversion: ${message.wireVersion}\r\n`
  if (messageId !== undefined) text += `${MESSAGE_ID}: ${messageId}\r\n`
  if (message.contentType !== '') text += `content-type: ${valueText(message.contentType)}\r\n`
  if (message.key !== undefined) text += `ce-partitionkey: ${attributeText(message.key)}\r\n`
  if (message.correlationId !== undefined) text += `ce-correlationid: ${attributeText(message.correlationId)}\r\n`
  if (message.causationId !== undefined) text += `ce-causationid: ${attributeText(message.causationId)}\r\n`
  if (message.replyTo !== undefined) text += `ce-waybillreplyto: ${attributeText(message.replyTo)}\r\n`
  if (message.expiresAt !== undefined) text += `ce-expirytime: ${formatTime(message.expiresAt)}\r\n`
  if (message.sequence !== undefined) text += `ce-sequence: ${message.sequence}\r\n`
  if (message.traceparent !== undefined) text += `ce-traceparent: ${attributeText(message.traceparent)}\r\n`
  if (message.tracestate !== undefined) text += `ce-tracestate: ${attributeText(message.tracestate)}\r\n`
  if (message.schemaVersion !== 1) text += `ce-waybillschemaversion: ${message.schemaVersion}\r\n`
  if (message.attempt !== 1) text += `ce-waybillattempt: ${message.attempt}\r\n`
  if (message.headers !== NO_HEADERS)
    for (const name in message.headers) text += `${nameText(name)}: ${valueText(message.headers[name] as string)}\r\n` // own keys
  if (more !== undefined) for (const name in more) text += `${name}: ${more[name]}\r\n`
  return Buffer.from(`${text}\r\n`)
}

/** Names and values of a message's headers; a name may come several times. */
export type HeaderLines = Iterable<readonly [name: string, values: readonly string[]]>

/**
 * Reads any client's message. One without `ce-waybillwireversion` is foreign: wire version 0, kind `document`. Where a
 * Waybill has sent it on, for instance to be tried again, that header is there and says 0.
 */
export function decodeMessage(lines: HeaderLines | undefined, body: Uint8Array): WireMessage {
  let id = '', source = '', type = '', contentType = '', serverId = '', time = NaN // prettier-ignore
  let kind: MessageKind = 'document'
  let wireVersion = FOREIGN_WIRE_VERSION, schemaVersion = 1, attempt = 1, ours = false // prettier-ignore
  let replyTo: string | undefined, correlationId: string | undefined, causationId: string | undefined
  let expiresAt: number | undefined, key: string | undefined, sequence: number | undefined
  let traceparent: string | undefined, tracestate: string | undefined
  let others: [name: string, value: string][] | undefined

  for (const [name, values] of lines ?? []) {
    const raw = values.length === 1 ? (values[0] as string) : values.join(', ') // RFC 9110, section 5.2, as HTTP does
    switch (name) {
      case 'ce-specversion': break
      case 'ce-id': id = decoded(raw); break
      case 'ce-source': source = decoded(raw); break
      case 'ce-type': type = decoded(raw); break
      case 'ce-time': time = parseTime(raw); break
      case 'ce-waybillkind': if (isKind(raw)) kind = raw; break
      case 'ce-waybillwireversion': wireVersion = count(raw, FOREIGN_WIRE_VERSION); ours = true; break
      case 'content-type': case 'Content-Type': contentType = raw; break
      case 'ce-partitionkey': key = decoded(raw); break
      case 'ce-correlationid': correlationId = decoded(raw); break
      case 'ce-causationid': causationId = decoded(raw); break
      case 'ce-waybillreplyto': replyTo = decoded(raw); break
      case 'ce-expirytime': expiresAt = orUndefined(parseTime(raw)); break
      case 'ce-sequence': sequence = integer(raw); break
      case 'ce-traceparent': traceparent = decoded(raw); break
      case 'ce-tracestate': tracestate = decoded(raw); break
      case 'ce-waybillschemaversion': schemaVersion = count(raw, 1); break
      case 'ce-waybillattempt': attempt = count(raw, 1); break
      case MESSAGE_ID: serverId = raw; break
      default: if (!SERVERS.test(name)) (others ??= []).push([name, raw])
    } // prettier-ignore
  }
  return {
    id: id === '' && !ours ? serverId : id,
    source,
    type,
    kind,
    wireVersion,
    time: Number.isNaN(time) ? 0 : time,
    schemaVersion,
    contentType: ours ? decoded(contentType) : contentType,
    replyTo,
    correlationId,
    causationId,
    expiresAt,
    key,
    sequence,
    traceparent,
    tracestate,
    attempt,
    headers: others === undefined ? NO_HEADERS : named(others, ours),
    body,
  }
}

function named(lines: readonly (readonly [name: string, value: string])[], ours: boolean): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of lines) {
    if (ours) headers[decoded(name)] = decoded(value)
    // Another producer's extensions are attributes by their own name, as everywhere in Waybill.
    else headers[name.startsWith('ce-') ? name.slice(3) : name] = value
  }
  return headers
}

function isKind(value: string): value is MessageKind {
  return (MESSAGE_KINDS as readonly string[]).includes(value)
}

function integer(value: string): number | undefined {
  const n = Number(value)
  return Number.isSafeInteger(n) ? n : undefined
}

/** A count from 1; `otherwise` where somebody wrote something else. */
function count(value: string, otherwise: number): number {
  const n = Number(value)
  return Number.isSafeInteger(n) && n >= 1 ? n : otherwise
}

function orUndefined(n: number): number | undefined {
  return Number.isNaN(n) ? undefined : n
}
