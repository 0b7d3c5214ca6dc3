import type { Fetcher } from './fetcher.ts'
import type { FetchedRecord, PartitionReader } from './partition-reader.ts'
import type { Session } from './session.ts'

export interface PartitionRange {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  /** The first offset behind it; something is stored from there on, or was stored right before. */
  readonly end: bigint
}

/** Reads a range of a partition, which no reader of this fetcher reads. Rejects when the session ends, or the range is gone. */
export async function readPartition(
  { session, fetcher }: { readonly session: Session; readonly fetcher: Fetcher },
  { topic, partition, from, end }: PartitionRange,
  take: (record: FetchedRecord) => void,
): Promise<void> {
  if (from >= end) return
  let callOff = (): void => undefined
  const read = new Promise<void>((resolve, reject) => {
    const reader: PartitionReader = {
      topic,
      partition,
      offset: from,
      isFull: false,
      take: (records) => {
        for (const record of records) if (record.offset < end) take(record)
        if (reader.offset < end) return
        fetcher.remove(reader)
        resolve()
      },
      failed: (error) => reject(error),
    }
    fetcher.add(reader)
    // Where the session ends first, nobody answers.
    callOff = session.onEnd(reject)
  })
  await read.finally(() => callOff())
}
