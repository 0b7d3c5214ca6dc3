const utf8 = new TextDecoder()

/** A header value of an ordinary client as text: bytes as UTF-8, tables and arrays as JSON, the rest as JavaScript prints it. */
export function headerText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return utf8.decode(value)
  if (typeof value !== 'object' || value === null) return String(value)
  // `this` holds the value as it was before toJSON, which Buffer has.
  return JSON.stringify(value, function (this: Record<string, unknown>, name: string, inner: unknown) {
    const raw = this[name]
    if (typeof raw === 'bigint') return String(raw)
    return raw instanceof Uint8Array ? utf8.decode(raw) : inner
  })
}
