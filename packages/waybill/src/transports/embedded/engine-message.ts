import type { Message } from '../../broker/message.ts'
import { TypedField, plainValue, type FieldTable, type FieldValue } from '../../broker/wire/field-table.ts'
import { decodeProperties, encodeProperties } from '../../broker/wire/properties.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Publication } from '../amqp/engine.ts'
import { fromProperties, toProperties } from '../amqp/message-mapping.ts'

/**
 * A message of this process in the broker. Its properties are encoded only when somebody wants them: the log, a
 * dead-letter move, a headers exchange. A consumer in this process is handed the message as it was sent.
 */
export class EngineMessage implements Message {
  readonly exchange: string
  readonly routingKey: string
  readonly body: Uint8Array
  readonly origin: WireMessage
  readonly #persistent: boolean
  readonly #ttlMs: number | undefined
  #properties: Uint8Array | undefined

  constructor({ exchange, routingKey, message, persistent, ttlMs }: Publication) {
    this.exchange = exchange
    this.routingKey = routingKey
    // The one copy: the sender may use its bytes again.
    this.body = new Uint8Array(message.body)
    this.origin = { ...message, body: this.body }
    this.#persistent = persistent
    this.#ttlMs = ttlMs
  }

  get properties(): Uint8Array {
    return (this.#properties ??= encodeProperties(toProperties(this.origin, this.#persistent, this.#ttlMs)))
  }
}

/** The message as Waybill knows it: as it was sent, where it is still in memory, else decoded. */
export function toWireMessage(message: Message): WireMessage {
  if (message instanceof EngineMessage) return message.origin
  const properties = decodeProperties(message.properties)
  return fromProperties({ ...properties, headers: plainHeaders(properties.headers) }, message.body)
}

function plainHeaders(table: FieldTable | undefined): Record<string, unknown> | undefined {
  if (table === undefined) return undefined
  const plain: Record<string, unknown> = {}
  for (const name in table) plain[name] = withoutLetters(table[name] as FieldValue) // `name` is one of the table's
  return plain
}

function withoutLetters(value: FieldValue): unknown {
  if (Array.isArray(value)) return (value as readonly FieldValue[]).map(withoutLetters)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof TypedField) {
    return plainValue(value)
  }
  return plainHeaders(value as FieldTable)
}
