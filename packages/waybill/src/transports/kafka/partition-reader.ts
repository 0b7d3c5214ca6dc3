import type { ReceivedRecord } from './record-mapping.ts'

export interface FetchedRecord extends ReceivedRecord {
  readonly offset: bigint
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** What {@link Fetcher} reads one partition for. */
export interface PartitionReader {
  readonly topic: string
  readonly partition: number
  /** The next one to fetch. The fetcher moves it on. */
  offset: bigint
  /** It has enough for now. */
  readonly isFull: boolean
  take(records: readonly FetchedRecord[]): void
  /** It cannot go on, `gone` when what it is to read next is no longer kept. It is removed. */
  failed(error: Error, gone: boolean): void
}
