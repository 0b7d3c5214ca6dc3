import { isUtf8 } from 'node:buffer'
import { WaybillError } from '../../message/errors.ts'
import { FIELD_OCTETS, SIZED, UNKNOWN } from './field-octets.ts'
import { MAX_DEPTH } from './field-table.ts'

const ARRAY = 'A'.charCodeAt(0)
const TABLE = 'F'.charCodeAt(0)

/**
 * Checks a field table without reading it: what passes can be read by `readTable` whenever that must be. The headers of a
 * publish are checked so, as who reads them may be a queue, long after the publisher has gone.
 *
 * @param start behind the length of the table
 * @throws {WaybillError} `WAYBILL_MALFORMED`
 */
export function requireTable(bytes: Buffer, start: number, end: number, depth = 0): void {
  if (depth > MAX_DEPTH) throw malformed(`field tables nested deeper than ${MAX_DEPTH}`)
  for (let at = start; at < end;) at = afterValue(bytes, afterName(bytes, at, end), end, depth)
}

function requireArray(bytes: Buffer, start: number, end: number, depth: number): void {
  if (depth > MAX_DEPTH) throw malformed(`field arrays nested deeper than ${MAX_DEPTH}`)
  for (let at = start; at < end;) at = afterValue(bytes, at, end, depth)
}

function afterName(bytes: Buffer, at: number, end: number): number {
  const start = at + 1
  const nameEnd = start + (bytes[at] as number) // at < end
  if (nameEnd >= end) throw malformed('a field table ends within a field')
  for (let each = start; each < nameEnd; each++) {
    if ((bytes[each] as number) < 0x80) continue
    if (!isUtf8(bytes.subarray(start, nameEnd))) throw malformed('the name of a field is not UTF-8')
    break
  }
  return nameEnd
}

/** @param at of the letter */
function afterValue(bytes: Buffer, at: number, end: number, depth: number): number {
  const letter = bytes[at] as number // at < end
  const octets = FIELD_OCTETS[letter] as number // a letter is an octet
  if (octets === UNKNOWN) throw malformed(`field type ${JSON.stringify(String.fromCharCode(letter))} does not exist`)
  const start = octets === SIZED ? at + 5 : at + 1
  if (start > end) throw malformed('a field table ends within a field')
  const next = start + (octets === SIZED ? bytes.readUInt32BE(at + 1) : octets)
  if (next > end) throw malformed('a field table ends within a field')
  if (letter === TABLE) requireTable(bytes, start, next, depth + 1)
  else if (letter === ARRAY) requireArray(bytes, start, next, depth + 1)
  return next
}

function malformed(what: string): WaybillError {
  return new WaybillError('WAYBILL_MALFORMED', what)
}
