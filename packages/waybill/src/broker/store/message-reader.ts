import type { LogState } from './log-state.ts'
import type { LogTail } from './log-tail.ts'
import type { StoredMessage } from './message-log.ts'
import { readMessage } from './message-record.ts'
import { isRecord } from './record.ts'
import type { Segment } from './segment.ts'
import { storeDamaged } from './store-damage.ts'
import type { StoreFile, StoreFiles } from './store-files.ts'

/** One read takes this much, more only for one larger message: what follows is likely to be asked for next. */
const READ_BYTES = 256 * 1024
/** A read that goes on where one before it ended takes this much. */
const READ_ON_BYTES = 1024 * 1024
/** Of what was read, kept in memory so that several consumers can each follow their place in the log. */
const KEPT_BYTES = 16 * READ_ON_BYTES
/** Sealed segments whose files stay open for reading. */
const FILES_KEPT = 32

interface Request {
  readonly sequence: number
  readonly resolve: (message: StoredMessage) => void
  readonly reject: (error: Error) => void
}

interface ColdBlock {
  readonly segment: Segment
  readonly start: number
  readonly bytes: Buffer
}

/** Messages from memory where they are there, else from disk: one read at a time, for all that it covers. */
export class MessageReader {
  readonly #files: StoreFiles
  readonly #state: LogState
  readonly #tail: LogTail
  readonly #cold: ColdBlock[] = []
  #coldBytes = 0
  readonly #open: Segment[] = []
  #waiting: Request[] = []
  #reading: Promise<void> | undefined
  #busy: { readonly segment: Segment; readonly read: Promise<unknown> } | undefined

  constructor(files: StoreFiles, state: LogState, tail: LogTail) {
    this.#files = files
    this.#state = state
    this.#tail = tail
  }

  /** @throws {RangeError} when no queue holds the message */
  read(sequence: number): StoredMessage | Promise<StoredMessage> {
    return (
      this.#fromMemory(sequence) ??
      new Promise((resolve, reject) => {
        this.#waiting.push({ sequence, resolve, reject })
        this.#reading ??= Promise.resolve().then(() => this.#serve())
      })
    )
  }

  /** Keeps the file of a segment open for reading, and closes another if that makes too many. */
  async keep(segment: Segment): Promise<void> {
    this.#open.push(segment)
    if (this.#open.length <= FILES_KEPT) return
    const [oldest] = this.#open.splice(this.#open[0] === this.#busy?.segment ? 1 : 0, 1)
    const file = oldest?.file
    if (oldest !== undefined) oldest.file = undefined
    await file?.close()
  }

  /** Forgets the segment, whose file is going to be used anew. Resolves when no read of it is under way. */
  async forget(segment: Segment): Promise<void> {
    for (let i = this.#cold.length - 1; i >= 0; i--) {
      const block = this.#cold[i]
      if (block?.segment !== segment) continue
      this.#cold.splice(i, 1)
      this.#coldBytes -= block.bytes.length
    }
    const open = this.#open.indexOf(segment)
    if (open !== -1) this.#open.splice(open, 1)
    while (this.#busy?.segment === segment) await this.#busy.read
  }

  /** Resolves when no read is under way. */
  async idle(): Promise<void> {
    await this.#reading
  }

  #fromMemory(sequence: number): StoredMessage | undefined {
    const { index } = this.#state
    if (!index.locate(sequence)) throw new RangeError(`message ${sequence} is not in the log`)
    const { segment, offset, length } = index
    const block = this.#tail.find(segment, offset)
    if (block !== undefined) return readMessage(block.bytes, offset - block.start)
    const cold = this.#cold.find(
      (one) => one.segment.number === segment && one.start <= offset && offset + length <= one.start + one.bytes.length,
    )
    return cold && this.#fromCold(cold, offset, length)
  }

  #fromCold({ segment, start, bytes }: ColdBlock, offset: number, length: number): StoredMessage {
    const at = offset - start
    if (!isRecord(bytes, at, at + length, segment.identity))
      throw storeDamaged(this.#files.folder, { file: segment.name, offset, what: 'a record has become unreadable' })
    return readMessage(bytes, at)
  }

  async #serve(): Promise<void> {
    while (this.#waiting.length > 0) {
      const requests = this.#waiting.toSorted((a, b) => a.sequence - b.sequence)
      this.#waiting = []
      for (const request of requests) {
        try {
          request.resolve(this.#fromMemory(request.sequence) ?? (await this.#fromDisk(request.sequence)))
        } catch (error) {
          request.reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
    }
    this.#reading = undefined
  }

  async #fromDisk(sequence: number): Promise<StoredMessage> {
    const { index } = this.#state
    if (!index.locate(sequence)) throw new RangeError(`message ${sequence} is not in the log`)
    const { offset, length } = index
    const segment = this.#state.segments.get(index.segment)
    if (segment === undefined) throw new RangeError(`message ${sequence} is in no segment`)
    const isNext = this.#cold.some(
      (block) => block.segment === segment && block.start < offset && offset <= block.start + block.bytes.length,
    )
    const wanted = Math.max(isNext ? READ_ON_BYTES : READ_BYTES, length)
    const bytes = Buffer.allocUnsafeSlow(Math.min(wanted, segment.written - offset))
    const read = this.#file(segment).then((file) => file.read(bytes, offset))
    this.#busy = { segment, read }
    try {
      await read
    } finally {
      this.#busy = undefined
    }
    const block: ColdBlock = { segment, start: offset, bytes }
    this.#keep(block)
    return this.#fromCold(block, offset, length)
  }

  #keep(block: ColdBlock): void {
    this.#cold.push(block)
    this.#coldBytes += block.bytes.length
    // One huge message is more than all that is kept.
    while (this.#coldBytes > KEPT_BYTES) this.#coldBytes -= this.#cold.shift()?.bytes.length ?? 0
  }

  async #file(segment: Segment): Promise<StoreFile> {
    if (segment.file !== undefined) return segment.file
    const file = await this.#files.open(segment.name)
    segment.file = file
    await this.keep(segment)
    return file
  }
}
