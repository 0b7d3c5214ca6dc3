import type { LogState } from './log-state.ts'
import type { LogTail } from './log-tail.ts'
import { contentEnd, contentStart, copyBytes, messageSequence, writeCopy, type Holding } from './message-record.ts'
import { RECORD, RECORD_HEADER_BYTES, isRecord, payloadLengthAt, recordBytes, typeAt } from './record.ts'
import { SEGMENT_HEADER_BYTES } from './segment-header.ts'
import type { Segment } from './segment.ts'
import { countBytes, forEachCounted, forEachSettled, settleBytes, writeCount, writeSettle } from './settle-record.ts'
import { storeDamaged } from './store-damage.ts'
import type { StoreFiles } from './store-files.ts'

/** Read and written again between two turns of the event loop. */
const WINDOW_BYTES = 256 * 1024
/** Waits for the disk above this, so that publishers keep the larger share of it. */
const MOST_PENDING_BYTES = 2 * 1024 * 1024

export interface EvacuationOptions {
  readonly files: StoreFiles
  readonly state: LogState
  readonly tail: LogTail
  readonly flush: () => Promise<void>
}

/**
 * Writes what is needed of a segment again at the end of the log: messages that live there, and settlements and counts
 * of messages whose records are in other segments. Definitions are in the checkpoint of every later segment.
 */
export class Evacuation {
  readonly #segment: Segment
  readonly #options: EvacuationOptions

  constructor(segment: Segment, options: EvacuationOptions) {
    this.#segment = segment
    this.#options = options
  }

  /** Resolves with an error when the segment has a bad record: it must be kept. */
  async run(stopped: () => boolean): Promise<Error | undefined> {
    const { files, tail, flush } = this.#options
    const segment = this.#segment
    const file = await files.open(segment.name)
    try {
      let window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
      for (let offset = SEGMENT_HEADER_BYTES; offset < segment.end && !stopped();) {
        const length = Math.min(window.length, segment.end - offset)
        await file.read(window.subarray(0, length), offset)
        const read = this.#move(window, length, offset)
        if (read === 0) {
          const whole = recordBytes(payloadLengthAt(window, 0))
          if (whole <= window.length || whole > segment.end - offset)
            return storeDamaged(files.folder, { file: segment.name, offset, what: 'a record is bad' })
          window = Buffer.allocUnsafeSlow(whole)
        }
        offset += read
        if (tail.pendingBytes > MOST_PENDING_BYTES) await flush()
      }
      return undefined
    } finally {
      await file.close()
    }
  }

  /** Writes what is needed of the good records of `bytes`, the whole segment, from `from` to `to`. */
  salvage(bytes: Buffer, from: number, to: number): void {
    this.#move(bytes.subarray(from, to), to - from, from)
  }

  /** Handles the whole records in the window; returns how far they go. */
  #move(window: Buffer, length: number, offset: number): number {
    let at = 0
    while (isRecord(window, at, length, this.#segment.identity)) {
      const payload = at + RECORD_HEADER_BYTES
      switch (typeAt(window, at)) {
        case RECORD.move:
          this.#settled(window.readUInt32LE(payload), [window.readUIntLE(payload + 4, 6)])
          this.#message(window, at, offset + at)
          break
        case RECORD.publish:
        case RECORD.copy:
          this.#message(window, at, offset + at)
          break
        case RECORD.settle: {
          const sequences: number[] = []
          forEachSettled(window, payload, (_queue, sequence) => void sequences.push(sequence))
          this.#settled(window.readUInt32LE(payload), sequences)
          break
        }
        case RECORD.count: {
          const sequences: number[] = []
          forEachCounted(window, payload, (_queue, sequence) => void sequences.push(sequence))
          this.#counted(window.readUInt32LE(payload), sequences)
          break
        }
        case RECORD.define:
        case RECORD.checkpoint:
        case RECORD.retire:
        case RECORD.open:
        case RECORD.close:
          break
      }
      at += recordBytes(payloadLengthAt(window, at))
    }
    return at
  }

  #message(window: Buffer, at: number, offset: number): void {
    const { state, tail } = this.#options
    const sequence = messageSequence(window, at)
    const isHere =
      state.index.locate(sequence) && state.index.segment === this.#segment.number && state.index.offset === offset
    if (!isHere) return
    const holdings: Holding[] = []
    state.index.forEachHolding(sequence, (queue, deliveries) => void holdings.push({ queue, deliveries }))
    const content = window.subarray(contentStart(window, at), contentEnd(window, at))
    tail.reserve(copyBytes(holdings.length, content.length))
    writeCopy(tail.bytes, tail.payload, sequence, holdings, content)
    tail.commit(RECORD.copy, undefined)
    state.copy(tail.segment, tail.offset, tail.length, sequence, holdings)
  }

  #settled(queue: number, sequences: readonly number[]): void {
    const { state, tail } = this.#options
    const needed = sequences.filter((sequence) => this.#isElsewhere(sequence))
    if (needed.length === 0) return
    tail.reserve(settleBytes(needed.length))
    writeSettle(tail.bytes, tail.payload, queue, needed)
    tail.commit(RECORD.settle, undefined)
    for (const sequence of needed) state.supersedeAnywhere(tail.segment, sequence)
  }

  #counted(queue: number, sequences: readonly number[]): void {
    const { state, tail } = this.#options
    const { index } = state
    const needed = sequences.filter(
      (sequence) => index.holds(queue, sequence) && index.locate(sequence) && index.segment !== this.#segment.number,
    )
    if (needed.length === 0) return
    tail.reserve(countBytes(needed.length))
    writeCount(tail.bytes, tail.payload, queue, needed, (sequence) => index.deliveries(queue, sequence))
    tail.commit(RECORD.count, undefined)
    for (const sequence of needed) state.count(tail.segment, queue, sequence, index.deliveries(queue, sequence))
  }

  /** Another segment may hold a record of the message. */
  #isElsewhere(sequence: number): boolean {
    for (const segment of this.#segment.supersedes)
      if (segment.firstSequence <= sequence && sequence <= segment.lastSequence) return true
    return false
  }
}
