import { WaybillError } from '../../message/errors.ts'
import type { LogTail } from './log-tail.ts'
import type { Segment } from './segment.ts'

export interface GroupWriterEvents {
  readonly failed: (error: WaybillError) => void
  /** The last group of the segment is on the disk. */
  readonly finished: (segment: Segment) => void
}

/**
 * Puts the groups of the tail on the disk, one write at a time: all that arrives meanwhile forms the next group.
 *
 * A write that fails is never tried again: the kernel may have dropped the pages and report success the next time.
 */
export class GroupWriter {
  readonly #tail: LogTail
  readonly #events: GroupWriterEvents
  #writing = false
  #scheduled = false
  #stopped = false
  #idle: (() => void)[] = []

  constructor(tail: LogTail, events: GroupWriterEvents) {
    this.#tail = tail
    this.#events = events
  }

  /** Writes soon: at the end of this turn, so that what one turn appends goes together. */
  wake(): void {
    if (this.#scheduled || this.#writing || this.#stopped) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#write()
    })
  }

  /** Writes nothing more; resolves when the write under way has ended. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#writing ? new Promise((resolve) => void this.#idle.push(resolve)) : Promise.resolve()
  }

  #write(): void {
    const group = this.#tail.groups[0]
    // A segment whose file is not yet ready wakes the writer when it is.
    if (this.#writing || this.#stopped || group === undefined || group.block.segment.file === undefined) return
    group.sealed = true
    this.#writing = true
    const { block, from, to } = group
    block.segment.file?.write(block.bytes, from, to - from, block.start + from, (error) => {
      this.#writing = false
      for (const resolve of this.#idle.splice(0)) resolve()
      if (this.#stopped) return
      if (error !== undefined) {
        const place = `${block.segment.name} at ${block.start + from}, ${to - from} bytes`
        this.#events.failed(
          new WaybillError('WAYBILL_STORE_FAILED', `writing ${place}: ${error.message}`, { cause: error }),
        )
        return
      }
      block.segment.written = block.start + to
      this.#tail.written()
      const next = this.#tail.groups[0]?.block.segment ?? this.#tail.segment
      if (next !== block.segment) this.#events.finished(block.segment)
      for (const done of group.done) done(undefined)
      this.wake()
    })
  }
}
