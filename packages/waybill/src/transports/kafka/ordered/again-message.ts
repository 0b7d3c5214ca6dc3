// What comes back from the dead letters to a shard is the message itself with one header more, which it loses when it is handed out:
//   waybill-again-after    where the channel's partition ended then, decimal text: it comes behind what lies before that
import type { WireMessage } from '../../../message/wire-message.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { fromRecord, type RecordContent } from '../record-mapping.ts'

const AFTER = 'waybill-again-after'

export function toAgain(record: RecordContent, after: bigint): RecordContent {
  return { ...record, headers: new Map([...record.headers, [Buffer.from(AFTER), Buffer.from(String(after))]]) }
}

/** 0 of what somebody else put there. */
export function afterOf({ headers }: FetchedRecord): bigint {
  const text = headers.find(([name]) => name?.toString() === AFTER)?.[1]?.toString() ?? ''
  return /^\d+$/.test(text) ? BigInt(text) : 0n
}

export function fromAgain(record: FetchedRecord): WireMessage {
  const headers = record.headers.filter(([name]) => name?.toString() !== AFTER)
  return fromRecord({ ...record, headers }, record.timestamp)
}
