// define = order u48, present u16, key length u32, key, definition (UTF-8; empty when removed)
//
// `order` is the definition's place among all, given at its first writing, so that definitions keep their order when a
// checkpoint writes them again.

export interface Definition {
  readonly order: number
  readonly value: string
}

export function definitionBytes(key: string, value: string | undefined): number {
  return 12 + Buffer.byteLength(key) + Buffer.byteLength(value ?? '')
}

/** Returns where it ends. */
export function writeDefinition(
  bytes: Buffer,
  start: number,
  order: number,
  key: string,
  value: string | undefined,
): number {
  const at = bytes.writeUInt16LE(value === undefined ? 0 : 1, bytes.writeUIntLE(order, start, 6))
  const keyEnd = at + 4 + bytes.write(key, at + 4)
  bytes.writeUInt32LE(keyEnd - at - 4, at)
  return keyEnd + bytes.write(value ?? '', keyEnd)
}

export function readDefinition(
  bytes: Buffer,
  start: number,
  end: number,
): { readonly order: number; readonly key: string; readonly value: string | undefined } {
  const keyEnd = start + 12 + bytes.readUInt32LE(start + 8)
  return {
    order: bytes.readUIntLE(start, 6),
    key: bytes.toString('utf8', start + 12, keyEnd),
    value: bytes.readUInt16LE(start + 6) === 0 ? undefined : bytes.toString('utf8', keyEnd, end),
  }
}
