import type { IncomingMessage } from 'node:http'
import { badRequest, HttpError } from './http-error.ts'
import type { Json } from '../../wire/json.ts'
import { JsonFields } from './json-fields.ts'

/**
 * Reads the body of a request as a JSON object.
 *
 * @throws {HttpError} 400 when it is none, 413 when it is longer than `maxBytes`
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<JsonFields> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLong(maxBytes)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw tooLong(maxBytes)
    chunks.push(chunk)
  }
  return parse(Buffer.concat(chunks).toString('utf8'))
}

function parse(text: string): JsonFields {
  if (text.trim() === '') return new JsonFields({})
  let value: Json
  try {
    value = JSON.parse(text) as Json // JSON.parse makes nothing else
  } catch {
    throw badRequest('not_json')
  }
  return JsonFields.of(value)
}

function tooLong(maxBytes: number): HttpError {
  return new HttpError(413, 'payload_too_large', `a body has at most ${maxBytes} bytes here`)
}
