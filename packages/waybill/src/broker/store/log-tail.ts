import type { Durable } from './message-log.ts'
import { RECORD_HEADER_BYTES, recordBytes, sealRecord, type RecordType } from './record.ts'
import { SEGMENT_HEADER_BYTES, writeSegmentHeader } from './segment-header.ts'
import type { Segment } from './segment.ts'

/** A contiguous part of a segment in memory. */
export interface Block {
  readonly segment: Segment
  /** Where `bytes[0]` is in the file. */
  readonly start: number
  readonly bytes: Buffer
  filled: number
  /** Groups of it that are not yet on the disk; it may not be evicted. */
  groups: number
}

/** What one write and one sync will put on the disk. */
export interface Group {
  readonly block: Block
  readonly from: number
  to: number
  /** No more records join it. */
  sealed: boolean
  readonly done: Durable[]
}

export interface LogTailOptions {
  /** Size of a block, which bounds a group. */
  readonly blockBytes: number
  /** Kept in memory after it was written, for reading: the newest messages are the likeliest to be asked for. */
  readonly cacheBytes: number
  /** Begins the segment that follows, with room for so many bytes of records. */
  readonly roll: (bytes: number) => void
  /** A record has joined the last group. */
  readonly appended: () => void
}

/**
 * The end of the log in memory: records are encoded once, where they will be in the file, and written from there. The
 * blocks stay as a cache until newer ones push them out.
 */
export class LogTail {
  /** The buffer of the reserved record, and where its payload goes. */
  bytes: Buffer = Buffer.alloc(0)
  payload = 0
  /** Where the record last committed is. */
  offset = 0
  length = 0
  /** In order; all but the last are sealed. */
  readonly groups: Group[] = []
  pendingBytes = 0
  readonly #options: LogTailOptions
  readonly #blocks: Block[] = []
  #blockBytes = 0
  #spare: Buffer | undefined
  #segment: Segment | undefined
  #block: Block | undefined
  #payloadLength = 0
  #batch: number

  /** `resume` or `begin` must come before anything else. */
  constructor(batch: number, options: LogTailOptions) {
    this.#batch = batch
    this.#options = options
  }

  get segment(): Segment {
    return this.#segment as Segment // set by `resume` or `begin`
  }

  /** Goes on in a segment that has been read back. */
  resume(segment: Segment): void {
    this.#segment = segment
  }

  /** Makes room for a record with this payload and sets `bytes` and `payload`. `commit` must follow at once. */
  reserve(payloadLength: number): void {
    const total = recordBytes(payloadLength)
    if (this.segment.end + total > this.segment.size) this.#options.roll(total)
    const block = this.#blockWithRoom(total)
    this.bytes = block.bytes
    this.payload = block.filled + RECORD_HEADER_BYTES
    this.#payloadLength = payloadLength
  }

  /** Closes the reserved record; `done` is called when it is on the disk. */
  commit(type: RecordType, done: Durable | undefined): void {
    const group = this.#openGroup()
    const block = group.block
    const length = recordBytes(this.#payloadLength)
    const distance = block.filled - group.from
    sealRecord(block.bytes, block.filled, this.#payloadLength, type, this.#batch, distance, block.segment.identity)
    this.offset = block.segment.end
    this.length = length
    block.filled += length
    group.to = block.filled
    block.segment.end += length
    this.pendingBytes += length
    if (done !== undefined) group.done.push(done)
    this.#options.appended()
  }

  /** Goes on in a new segment, whose header goes with its first group. */
  begin(segment: Segment): void {
    this.#segment = segment
    this.#batch = 0
    const block = this.#blockWithRoom(SEGMENT_HEADER_BYTES)
    writeSegmentHeader(block.bytes, segment.number, segment.identity)
    const group = this.#openGroup()
    block.filled = SEGMENT_HEADER_BYTES
    group.to = SEGMENT_HEADER_BYTES
    segment.end = SEGMENT_HEADER_BYTES
    this.pendingBytes += SEGMENT_HEADER_BYTES
  }

  /** The first group is on the disk. */
  written(): Group | undefined {
    const group = this.groups.shift()
    if (group === undefined) return undefined
    group.block.groups--
    this.pendingBytes -= group.to - group.from
    return group
  }

  /** The block that has the byte of the segment in memory. */
  find(segment: number, offset: number): Block | undefined {
    let [low, high] = [0, this.#blocks.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const block = this.#blocks[middle] as Block // low <= middle <= high, all within the array
      const order =
        block.segment.number - segment || (block.start + block.filled <= offset ? -1 : block.start > offset ? 1 : 0)
      if (order === 0) return block
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  #openGroup(): Group {
    const last = this.groups.at(-1)
    const block = this.#block as Block // `reserve` and `begin` have set it
    if (last !== undefined && !last.sealed && last.block === block) return last
    if (last !== undefined) last.sealed = true
    const group: Group = { block, from: block.filled, to: block.filled, sealed: false, done: [] }
    this.#batch++
    block.groups++
    this.groups.push(group)
    return group
  }

  #blockWithRoom(total: number): Block {
    const current = this.#block
    if (current !== undefined && current.segment === this.#segment && current.filled + total <= current.bytes.length)
      return current
    const size = Math.max(total, this.#options.blockBytes)
    this.#evict(size)
    const bytes = this.#buffer(size)
    const block: Block = { segment: this.segment, start: this.segment.end, bytes, filled: 0, groups: 0 }
    this.#block = block
    this.#blocks.push(block)
    this.#blockBytes += bytes.length
    return block
  }

  /** Makes room for a block: the oldest that are on the disk go, however large those of single messages are. */
  #evict(room: number): void {
    const { cacheBytes, blockBytes } = this.#options
    while (this.#blockBytes + room > cacheBytes && this.#blocks[0]?.groups === 0) {
      const evicted = this.#blocks.shift() as Block // there is a first one
      this.#blockBytes -= evicted.bytes.length
      if (evicted.bytes.length === blockBytes) this.#spare = evicted.bytes
    }
  }

  #buffer(size: number): Buffer {
    const spare = this.#spare?.length === size ? this.#spare : undefined
    if (spare !== undefined) this.#spare = undefined
    return spare ?? Buffer.allocUnsafeSlow(size)
  }
}
