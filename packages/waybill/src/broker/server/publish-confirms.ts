import type { FrameWriter } from '../wire/frame-writer.ts'
import { writeConfirm } from '../wire/methods/basic-methods.ts'

/**
 * Numbers the publishes of a channel and says which are settled (RabbitMQ, Publisher Confirms): each exactly once, those
 * in a row as one acknowledgement. What can be awaited here is bounded by the log, which refuses.
 */
export class PublishConfirms {
  readonly #frames: FrameWriter
  readonly #channel: number
  #last = 0
  /** All up to here have been settled. */
  #settled = 0
  /** All up to here have been told. */
  #told = 0
  /** Settled beyond `#settled`: the outcome comes out of order where a message needs no disk. */
  readonly #ahead = new Set<number>()
  /** Those of them that have been told, so that no acknowledgement of several spans them. */
  readonly #toldAhead = new Set<number>()
  #untold: number[] = []

  constructor(frames: FrameWriter, channel: number) {
    this.#frames = frames
    this.#channel = channel
  }

  /** Publishes whose outcome is not known yet. */
  get pending(): number {
    return this.#last - this.#settled - this.#ahead.size
  }

  /** The tag of the next publish. */
  next(): number {
    return ++this.#last
  }

  /** Accepted, which is told with the others of this turn. */
  ack(tag: number): void {
    if (tag === this.#settled + 1) {
      this.#settled = tag
      if (this.#ahead.size > 0) this.#advance()
    } else {
      this.#ahead.add(tag)
      this.#untold.push(tag)
    }
  }

  /** Refused, which is told at once. */
  nack(tag: number): void {
    this.flush()
    writeConfirm(this.#frames, this.#channel, tag, false, false)
    this.#ahead.add(tag)
    this.#toldAhead.add(tag)
    this.#advance()
  }

  /** Writes what is to be told. */
  flush(): void {
    this.#tellRow()
    if (this.#untold.length === 0) return
    for (const tag of this.#untold) {
      if (tag <= this.#told) continue
      writeConfirm(this.#frames, this.#channel, tag, false, true)
      this.#toldAhead.add(tag)
    }
    this.#untold = []
  }

  #tellRow(): void {
    const row = this.#settled - this.#told
    if (row > 0) writeConfirm(this.#frames, this.#channel, this.#settled, row > 1, true)
    this.#told = this.#settled
  }

  #advance(): void {
    for (let tag = this.#settled + 1; this.#ahead.delete(tag); tag++) {
      if (this.#toldAhead.delete(tag)) {
        this.#tellRow()
        this.#told = tag
      }
      this.#settled = tag
    }
  }
}
