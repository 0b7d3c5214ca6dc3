// Values of many rows as a few parameters. Arrays are given as text in the server's own form, so that no driver needs to know
// them; heads and bodies one after the other in one array of bytes, with where each is.
import type { RowToSend } from '../sql/outbox-row.ts'

export function numberArray(values: readonly (number | bigint | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}

export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`
}

/** Columns of {@link packed}, from rows `r (lane, target, head_at, head_size, body_at, body_size …)`; `$1` to `$2` are its first. */
export const UNPACKED = `r.lane, ($1::text[])[r.target], convert_from(substring($2::bytea FROM r.head_at FOR r.head_size), 'UTF8'),
  substring($2::bytea FROM r.body_at FOR r.body_size)`
export const PACKED = 'unnest($3::smallint[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[]'
export const PACKED_COLUMNS = 'lane, target, head_at, head_size, body_at, body_size'

/** `$1` to `$8`. */
export function packed(rows: readonly RowToSend[]): readonly unknown[] {
  const targets = new Map<string, number>()
  const pieces: Uint8Array[] = []
  const columns: readonly [number[], number[], number[], number[], number[], number[]] = [[], [], [], [], [], []]
  const [lanes, targetAt, headAt, headSize, bodyAt, bodySize] = columns
  let at = 1
  for (const { lane, target, head, body } of rows) {
    let number = targets.get(target)
    if (number === undefined) targets.set(target, (number = targets.size + 1))
    const bytes = Buffer.from(head)
    lanes.push(lane)
    targetAt.push(number)
    headAt.push(at)
    headSize.push(bytes.length)
    at += bytes.length
    bodyAt.push(at)
    bodySize.push(body.length)
    at += body.length
    pieces.push(bytes, body)
  }
  return [textArray([...targets.keys()]), Buffer.concat(pieces), ...columns.map(numberArray)]
}
