/** The rows in portions of at most so many and so large, in order; a row beyond the size has one of its own. */
export function portions<Row extends { readonly head: string; readonly body: Uint8Array }>(
  rows: readonly Row[],
  most: { readonly rows: number; readonly bytes: number },
): readonly (readonly Row[])[] {
  const all: Row[][] = []
  let bytes = 0
  for (const row of rows) {
    const size = row.head.length + row.body.length
    const last = all.at(-1)
    if (last !== undefined && last.length < most.rows && bytes + size <= most.bytes) {
      last.push(row)
      bytes += size
    } else {
      all.push([row])
      bytes = size
    }
  }
  return all
}
