// What lies in a `--dead` topic. It is compacted, so every letter has a key of its own, and goes when a later record of that key
// has no value:
//
//   record    key                 value               headers
//   letter    an id of its own    the body            as any message's, and ce_partitionkey, which the key holds elsewhere
//   removal   the letter's        none                waybill-letter: the letter's offset, decimal text
//   note      visit/<id>          JSON array of the offsets that this visit is about to decide on; none: it is not any more
//
// A record of an ordinary client is a letter, too.
import type { WireMessage } from '../../../message/wire-message.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { fromRecord, toRecord, type RecordContent } from '../record-mapping.ts'

const MESSAGE_KEY = 'ce_partitionkey'
const LETTER = Buffer.from('waybill-letter')
const VISIT = 'visit/'

export type DeadLetterRecord =
  | { readonly kind: 'letter' }
  | { readonly kind: 'removal'; readonly offset: number }
  | { readonly kind: 'note'; readonly visit: string; readonly offsets: readonly number[] }
  /** Nothing that we wrote, and no letter. */
  | { readonly kind: 'other' }

export function letterRecord(message: WireMessage, id: string): RecordContent {
  const { headers, value } = toRecord(message)
  if (message.key !== undefined) headers.set(Buffer.from(MESSAGE_KEY), Buffer.from(message.key))
  return { key: Buffer.from(id), value, headers }
}

export function removalRecord(key: Buffer, offset: number): RecordContent {
  return { key, value: null, headers: new Map([[LETTER, Buffer.from(String(offset))]]) }
}

export function noteRecord(visit: string, offsets: readonly number[]): RecordContent {
  const value = offsets.length === 0 ? null : Buffer.from(JSON.stringify(offsets))
  return { key: Buffer.from(VISIT + visit), value, headers: new Map() }
}

export function kindOf({ key, value, headers }: FetchedRecord): DeadLetterRecord {
  const text = key?.toString() ?? ''
  if (text.startsWith(VISIT)) return { kind: 'note', visit: text.slice(VISIT.length), offsets: offsetsIn(value) }
  if (value !== null) return { kind: 'letter' }
  const offset = Number(headers.find(([name]) => name?.equals(LETTER) === true)?.[1]?.toString() ?? NaN)
  return Number.isSafeInteger(offset) ? { kind: 'removal', offset } : { kind: 'other' }
}

export function letterIn(record: FetchedRecord): WireMessage {
  const isKey = ([name]: FetchedRecord['headers'][number]): boolean => name?.toString() === MESSAGE_KEY
  const key = record.headers.findLast(isKey)?.[1] ?? null
  const headers = record.headers.filter((each) => !isKey(each))
  return fromRecord({ key, value: record.value, headers }, record.timestamp)
}

function offsetsIn(value: Buffer | null): readonly number[] {
  if (value === null) return []
  try {
    const offsets: unknown = JSON.parse(value.toString())
    return Array.isArray(offsets) ? offsets.filter((each) => Number.isSafeInteger(each)) : []
  } catch {
    // Somebody else's.
    return []
  }
}
