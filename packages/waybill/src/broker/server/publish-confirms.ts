import type { FrameWriter } from '../wire/frame-writer.ts'
import { writeConfirm } from '../wire/methods/basic-methods.ts'

/**
 * Numbers the publishes of a channel and says which are settled (RabbitMQ, Publisher Confirms): every one exactly once,
 * those in a row as one acknowledgement. What can be awaited here is bounded by the log, which refuses.
 */
export class PublishConfirms {
  readonly #channel: number
  #last = 0
  /** All up to here have been settled. */
  #settled = 0
  /** All up to here have been told. */
  #told = 0
  /** Settled beyond `#settled`: the outcome comes out of order where a message needs no disk. */
  readonly #ahead = new Set<number>()
  #untold: number[] = []

  constructor(channel: number) {
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

  ack(tag: number): void {
    if (tag === this.#settled + 1) this.#advance(tag)
    else {
      this.#ahead.add(tag)
      this.#untold.push(tag)
    }
  }

  /** Refused, which is told at once. */
  nack(tag: number, frames: FrameWriter): void {
    this.flush(frames)
    writeConfirm(frames, this.#channel, tag, false, false)
    if (tag === this.#settled + 1) {
      this.#advance(tag)
      this.#told = this.#settled
    } else this.#ahead.add(tag)
  }

  /** Writes what is to be told. */
  flush(frames: FrameWriter): void {
    const row = this.#settled - this.#told
    if (row > 0) {
      writeConfirm(frames, this.#channel, this.#settled, row > 1, true)
      this.#told = this.#settled
    }
    if (this.#untold.length === 0) return
    for (const tag of this.#untold) if (tag > this.#told) writeConfirm(frames, this.#channel, tag, false, true)
    this.#untold = []
  }

  #advance(tag: number): void {
    this.#settled = tag
    while (this.#ahead.size > 0 && this.#ahead.delete(this.#settled + 1)) this.#settled++
  }
}
