/**
 * Short strings, one after the other, as a frame has them: an octet of length, then UTF-8.
 *
 * @throws {RangeError} when one is longer than 255 octets
 */
export function shortStrings(...texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => Buffer.from(text))
  const long = parts.find((part) => part.length > 255)
  if (long !== undefined) throw new RangeError(`a short string has at most 255 octets, this one has ${long.length}`)
  return Buffer.concat(parts.flatMap((part) => [Buffer.of(part.length), part]))
}
