import type { Fetcher } from '../fetcher.ts'
import type { FetchedRecord, PartitionReader } from '../partition-reader.ts'

/** The partitions of one shard that its owner reads: all of one number. */
export class ShardReaders {
  readonly #shard: number
  readonly #fetcher: Fetcher
  readonly #failed: (error: Error) => void
  #readers: PartitionReader[] = []

  constructor(shard: number, fetcher: Fetcher, failed: (error: Error) => void) {
    this.#shard = shard
    this.#fetcher = fetcher
    this.#failed = failed
  }

  read(
    topic: string,
    offset: bigint,
    isFull: () => boolean,
    take: (records: readonly FetchedRecord[]) => void,
  ): PartitionReader {
    const reader: PartitionReader = {
      topic,
      partition: this.#shard,
      offset,
      get isFull() {
        return isFull()
      },
      take,
      failed: (error) => this.#failed(error),
    }
    this.#readers.push(reader)
    this.#fetcher.add(reader)
    return reader
  }

  stop(): void {
    for (const reader of this.#readers) this.#fetcher.remove(reader)
    this.#readers = []
  }
}
