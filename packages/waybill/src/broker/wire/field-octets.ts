/** An unknown letter. */
export const UNKNOWN = -2
/** Four octets say how many follow. */
export const SIZED = -1

/** By the code of a letter of field-table.ts: octets of its values, where that is fixed. */
export const FIELD_OCTETS: Int8Array = new Int8Array(256).fill(UNKNOWN)
for (const [letters, octets] of [
  ['V', 0],
  ['tbB', 1],
  ['su', 2],
  ['Iif', 4],
  ['D', 5],
  ['ldT', 8],
  ['SxAF', SIZED],
] as const) {
  for (const letter of letters) FIELD_OCTETS[letter.charCodeAt(0)] = octets
}
