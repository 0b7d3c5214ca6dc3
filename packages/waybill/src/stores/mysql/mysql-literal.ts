// Values as they stand in a statement's text. Printable letters of ASCII mean the same in every character set and every sql_mode,
// apart from the quote and the backslash; whatever has others is given in hexadecimal digits.
const PLAIN = /^[ -&(-[\]-~]*$/

export function literal(text: string): string {
  return PLAIN.test(text) ? `'${text}'` : hex(Buffer.from(text))
}

/** Most bodies are JSON, which has neither quotes nor backslashes of that kind: half as long as in digits. */
export function bytesLiteral(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = buffer.toString('latin1')
  return PLAIN.test(text) ? `'${text}'` : hex(buffer)
}

/**
 * A whole number. Some come from messages of others, whatever their type says.
 *
 * @throws {TypeError}
 */
export function integer(value: number | bigint): string {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value)
  throw new TypeError(`${String(value)} is no whole number`)
}

export function integerList(values: readonly (number | bigint)[]): string {
  return values.map(integer).join(', ')
}

export function literalList(texts: readonly string[]): string {
  return texts.map(literal).join(', ')
}

function hex(bytes: Buffer): string {
  return `X'${bytes.toString('hex')}'`
}
