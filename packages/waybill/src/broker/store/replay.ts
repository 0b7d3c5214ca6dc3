import { readCheckpoint, type Checkpoint } from './checkpoint-record.ts'
import { readDefinition } from './definition-record.ts'
import type { LogState } from './log-state.ts'
import { MOVE_PREFIX_BYTES, type Holding } from './message-record.ts'
import { RECORD, RECORD_HEADER_BYTES, payloadLengthAt, recordBytes, typeAt } from './record.ts'
import type { Segment } from './segment.ts'
import { forEachCounted, forEachSettled } from './settle-record.ts'

/** Applies the records of the log, in order, to a state. */
export class Replay {
  /** The last checkpoint, and the segments retired since. */
  checkpoint: Checkpoint | undefined
  readonly retired: Set<number> = new Set()
  /** The last record says that the log was closed. */
  clean = true
  readonly #state: LogState
  readonly #queues: number[] = []

  constructor(state: LogState) {
    this.#state = state
  }

  /** Applies the record at `at` of `bytes`, which is at `offset` of the segment and has been checked. */
  apply(segment: Segment, bytes: Buffer, at: number, offset: number): void {
    const payload = at + RECORD_HEADER_BYTES
    const payloadLength = payloadLengthAt(bytes, at)
    const length = recordBytes(payloadLength)
    const type = typeAt(bytes, at)
    this.clean = type === RECORD.close
    switch (type) {
      case RECORD.publish:
        this.#publish(segment, bytes, payload, offset, length)
        break
      case RECORD.move:
        this.#settle(segment, bytes.readUInt32LE(payload), bytes.readUIntLE(payload + 4, 6))
        this.#publish(segment, bytes, payload + MOVE_PREFIX_BYTES, offset, length)
        break
      case RECORD.copy:
        this.#copy(segment, bytes, payload, offset, length)
        break
      case RECORD.settle:
        forEachSettled(bytes, payload, (queue, sequence) => this.#settle(segment, queue, sequence))
        break
      case RECORD.count:
        forEachCounted(bytes, payload, (queue, sequence, deliveries) =>
          this.#state.count(segment, queue, sequence, deliveries),
        )
        break
      case RECORD.define: {
        const { key, value, order } = readDefinition(bytes, payload, payload + payloadLength)
        this.#state.define(key, value, order)
        break
      }
      case RECORD.checkpoint:
        this.checkpoint = readCheckpoint(bytes, payload)
        this.retired.clear()
        this.#state.restore(this.checkpoint)
        break
      case RECORD.retire:
        this.retired.add(bytes.readUInt32LE(payload))
        break
      case RECORD.open:
      case RECORD.close:
        break
    }
  }

  #publish(segment: Segment, bytes: Buffer, start: number, offset: number, length: number): void {
    const count = bytes.readUInt16LE(start + 6)
    if (count === 1)
      return this.#state.publishOne(segment, offset, length, bytes.readUIntLE(start, 6), bytes.readUInt32LE(start + 8))
    const queues = this.#queues
    queues.length = count
    for (let i = 0; i < queues.length; i++) queues[i] = bytes.readUInt32LE(start + 8 + i * 4)
    this.#state.publish(segment, offset, length, bytes.readUIntLE(start, 6), queues)
  }

  #copy(segment: Segment, bytes: Buffer, start: number, offset: number, length: number): void {
    const holdings: Holding[] = []
    const end = start + 8 + bytes.readUInt16LE(start + 6) * 6
    for (let at = start + 8; at < end; at += 6)
      holdings.push({ queue: bytes.readUInt32LE(at), deliveries: bytes.readUInt16LE(at + 4) })
    this.#state.copy(segment, offset, length, bytes.readUIntLE(start, 6), holdings)
  }

  #settle(segment: Segment, queue: number, sequence: number): void {
    if (!this.#state.settle(segment, queue, sequence)) this.#state.supersedeAnywhere(segment, sequence)
  }
}
