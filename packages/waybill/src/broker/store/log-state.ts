import type { Checkpoint } from './checkpoint-record.ts'
import type { Definition } from './definition-record.ts'
import { MessageIndex } from './message-index.ts'
import type { Holding } from './message-record.ts'
import type { Segment } from './segment.ts'

/** Of one settlement or count in a record. */
const SETTLEMENT_BYTES = 8

/**
 * What the records of the log add up to. The same steps build it while the log runs and when it is read back, so that
 * both always agree.
 */
export class LogState {
  readonly index: MessageIndex = new MessageIndex()
  /** By number, in order; retired ones stay until their file is gone. */
  readonly segments: Map<number, Segment> = new Map()
  readonly definitions: Map<string, Definition> = new Map()
  nextSequence = 1
  nextOrder = 1
  /** Called when the last live message of a segment dies. */
  emptied: () => void = () => {}

  publish(by: Segment, offset: number, length: number, sequence: number, queues: readonly number[]): void {
    const [only] = queues
    if (queues.length === 1 && only !== undefined) return this.publishOne(by, offset, length, sequence, only)
    this.index.put(sequence, queues, by.number, offset, length)
    this.#contains(by, sequence, queues.length)
    by.liveBytes += length
  }

  /** `publish` for one queue. */
  publishOne(by: Segment, offset: number, length: number, sequence: number, queue: number): void {
    this.index.putOne(sequence, queue, by.number, offset, length)
    this.#contains(by, sequence, 1)
    by.liveBytes += length
  }

  /** False when that queue does not hold the message. */
  settle(by: Segment, queue: number, sequence: number): boolean {
    if (!this.index.locate(sequence) || !this.index.holds(queue, sequence)) return false
    const { length } = this.index
    const segment = this.segments.get(this.index.segment)
    const died = this.index.settle(queue, sequence)
    if (segment === undefined) return true
    if (segment !== by) this.#supersede(by, segment)
    if (!died) return true
    segment.liveBytes -= length
    if (segment.liveBytes === 0) this.emptied()
    return true
  }

  count(by: Segment, queue: number, sequence: number, deliveries: number): void {
    if (!this.index.locate(sequence)) return
    this.index.setDeliveries(queue, sequence, deliveries)
    const segment = this.segments.get(this.index.segment)
    if (segment !== undefined && segment !== by) this.#supersede(by, segment)
  }

  /** The message is now here, for these queues; its older record is superseded. */
  copy(by: Segment, offset: number, length: number, sequence: number, holdings: readonly Holding[]): void {
    if (this.index.locate(sequence)) {
      const older = this.segments.get(this.index.segment)
      if (older !== undefined) older.liveBytes -= this.index.length
      if (older !== undefined && older !== by) by.shadows.add(older)
    }
    this.index.put(
      sequence,
      holdings.map(({ queue }) => queue),
      by.number,
      offset,
      length,
    )
    for (const { queue, deliveries } of holdings) this.index.setDeliveries(queue, sequence, deliveries)
    this.#contains(by, sequence, holdings.length)
    by.liveBytes += length
  }

  /**
   * A settlement of a message that is no longer live, written again because records of the message may still exist: it
   * is needed as long as any segment that may hold one.
   */
  supersedeAnywhere(by: Segment, sequence: number): void {
    for (const segment of this.segments.values())
      if (segment !== by && segment.firstSequence <= sequence && sequence <= segment.lastSequence)
        this.#supersede(by, segment)
  }

  define(key: string, value: string | undefined, order: number): void {
    if (value === undefined) this.definitions.delete(key)
    else this.definitions.set(key, { order, value })
    this.nextOrder = Math.max(this.nextOrder, order + 1)
  }

  restore(checkpoint: Checkpoint): void {
    this.nextSequence = Math.max(this.nextSequence, checkpoint.nextSequence)
    this.nextOrder = Math.max(this.nextOrder, checkpoint.nextOrder)
    this.definitions.clear()
    for (const [key, definition] of checkpoint.definitions) this.definitions.set(key, definition)
  }

  checkpoint(): Checkpoint {
    const segments = [...this.segments.values()].filter(({ state }) => state === 'sealed')
    return { nextSequence: this.nextSequence, nextOrder: this.nextOrder, segments, definitions: this.definitions }
  }

  #supersede(by: Segment, segment: Segment): void {
    by.supersedes.add(segment)
    by.supersedingBytes += SETTLEMENT_BYTES
  }

  #contains(segment: Segment, sequence: number, slots: number): void {
    segment.firstSequence = Math.min(segment.firstSequence, sequence)
    segment.lastSequence = Math.max(segment.lastSequence, sequence)
    this.nextSequence = Math.max(this.nextSequence, sequence + Math.max(1, slots))
  }
}
