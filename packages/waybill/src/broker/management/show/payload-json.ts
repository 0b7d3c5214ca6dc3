import type { JsonObject } from '../../wire/json.ts'

/** How payloads are asked for: as text where they are UTF-8, or always as base64. */
export const PAYLOAD_ENCODINGS = ['auto', 'base64'] as const
export type PayloadEncoding = (typeof PAYLOAD_ENCODINGS)[number]

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function payloadJson(payload: Uint8Array, encoding: PayloadEncoding): JsonObject {
  const text = encoding === 'auto' ? textOf(payload) : undefined
  return text === undefined
    ? { payload: Buffer.from(payload).toString('base64'), payload_encoding: 'base64' }
    : { payload: text, payload_encoding: 'string' }
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return utf8.decode(payload)
  } catch {
    return undefined
  }
}
