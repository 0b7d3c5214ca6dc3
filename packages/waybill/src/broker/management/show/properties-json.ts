import { isJsonObject, type Json, type JsonObject } from '../../wire/json.ts'
import { decodeProperties, encodeProperties, type BasicProperties } from '../../wire/properties.ts'
import { jsonTable, tableJson } from '../../wire/table-json.ts'
import { badRequest } from '../http/http-error.ts'
import { JsonFields } from '../http/json-fields.ts'

const TEXTS = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
  cluster_id: 'clusterId',
} as const satisfies Readonly<Record<string, keyof BasicProperties>>

const NUMBERS = {
  delivery_mode: 'deliveryMode',
  priority: 'priority',
  timestamp: 'timestamp',
} as const satisfies Readonly<Record<string, keyof BasicProperties>>

const MOST_OCTET = 255

/** Basic properties by their names in AMQP. */
export function propertiesJson(encoded: Uint8Array): JsonObject {
  const properties = decodeProperties(encoded)
  const fields: [string, Json | undefined][] = Object.entries({ ...TEXTS, ...NUMBERS }).map(([name, property]) => [
    name,
    properties[property],
  ])
  if (properties.headers !== undefined) fields.push(['headers', tableJson(properties.headers)])
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

/** @throws {HttpError} 400 for what is no property of AMQP; fields that are not known are passed over */
export function propertiesOf(object: JsonObject): Buffer {
  const fields = new JsonFields(object)
  const properties: { -readonly [name in keyof BasicProperties]: BasicProperties[name] } = {}
  for (const [name, property] of Object.entries(TEXTS)) {
    const value = object[name]
    // An expiration is often written as a number.
    properties[property] = typeof value === 'number' ? String(value) : fields.optionalText(name)
  }
  for (const [name, property] of Object.entries(NUMBERS)) {
    const number = fields.optionalWhole(name) ?? 0
    if (number < 0 || (name !== 'timestamp' && number > MOST_OCTET)) throw badRequest(['out_of_range', name])
    properties[property] = fields.optionalWhole(name)
  }
  if (isJsonObject(object['headers'])) properties.headers = jsonTable(object['headers'])
  try {
    return Buffer.from(encodeProperties(properties))
  } catch (error) {
    // A text of more than 255 octets.
    throw badRequest(error instanceof Error ? error.message : String(error))
  }
}
