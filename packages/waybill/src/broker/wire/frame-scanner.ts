// Frames (AMQP 0-9-1, section 4.2.3):
//
//   frame     = type channel size payload frame-end
//   type      = octet          1 method, 2 header, 3 body, 8 heartbeat
//   channel   = short-uint
//   size      = long-uint      octets of the payload
//   frame-end = %xCE
import { ConnectionError } from './connection-error.ts'

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const

export const FRAME_END = 0xce

/** Octets of a frame before its payload, and with the end octet. */
export const FRAME_HEADER_OCTETS = 7
export const FRAME_OVERHEAD_OCTETS = 8

export interface FrameHandler {
  /** Whether nothing more is to be handed over for now: `resume()` goes on. */
  readonly suspended: boolean
  /** One whole frame; its payload is `bytes` from `start` to `end`, valid during the call alone. */
  frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void
}

/**
 * Finds the frames in the chunks of a stream, where they lie: no Buffer is made per frame. A frame that spans chunks is
 * put together in a buffer of its own, the only copy made here.
 */
export class FrameScanner {
  readonly #handler: FrameHandler
  /** Largest frame, overhead included. */
  frameMax: number
  /** The beginning of a frame whose rest has not arrived: `#filled` octets. */
  #partial: Buffer = EMPTY
  #filled = 0
  /** What has arrived since the handler was suspended: little, as its host stops reading then. */
  readonly #waiting: Buffer[] = []
  #isScanning = false
  /** Where the next frame begins is not known any more. */
  #isLost = false

  constructor(handler: FrameHandler, frameMax: number) {
    this.#handler = handler
    this.frameMax = frameMax
  }

  /** @throws {ConnectionError} 501, after which everything is passed over; or what the handler throws */
  push(chunk: Buffer): void {
    if (this.#isLost) return
    this.#waiting.push(chunk)
    this.resume()
  }

  /** Goes on after a suspension. Within `frame()` it is enough to be suspended no more. */
  resume(): void {
    if (this.#isScanning) return
    this.#isScanning = true
    try {
      while (this.#waiting.length > 0 && !this.#handler.suspended) this.#take(this.#waiting.shift() as Buffer) // not empty
    } finally {
      this.#isScanning = false
    }
  }

  #take(chunk: Buffer): void {
    const from = this.#filled === 0 ? 0 : this.#complete(chunk)
    if (from < chunk.length) this.#scan(chunk, from)
  }

  #scan(chunk: Buffer, from: number): void {
    const handler = this.#handler
    const { length } = chunk
    let at = from
    while (at + FRAME_HEADER_OCTETS <= length) {
      if (handler.suspended) {
        this.#waiting.unshift(chunk.subarray(at))
        return
      }
      const end = at + FRAME_HEADER_OCTETS + this.#sizeOf(chunk, at)
      if (end >= length) break
      if (chunk[end] !== FRAME_END) throw this.#lost('a frame does not end with its end octet')
      handler.frame(
        chunk[at] as number, // at is below length
        chunk.readUInt16BE(at + 1),
        chunk,
        at + FRAME_HEADER_OCTETS,
        end,
      )
      at = end + 1
    }
    if (at < length) this.#keep(chunk, at, length)
  }

  /** Adds to the frame that was begun; returns how much of the chunk that took. */
  #complete(chunk: Buffer): number {
    let at = 0
    if (this.#filled < FRAME_HEADER_OCTETS) {
      at = Math.min(FRAME_HEADER_OCTETS - this.#filled, chunk.length)
      this.#keep(chunk, 0, at)
      if (this.#filled < FRAME_HEADER_OCTETS) return at
    }
    const size = this.#sizeOf(this.#partial, 0)
    const missing = size + FRAME_OVERHEAD_OCTETS - this.#filled
    if (chunk.length - at < missing) {
      this.#reserve(size + FRAME_OVERHEAD_OCTETS)
      this.#keep(chunk, at, chunk.length)
      return chunk.length
    }
    this.#keep(chunk, at, at + missing)
    const frame = this.#partial
    // The next beginning goes elsewhere when this one was large: it is not kept for a small one.
    if (frame.length > KEPT_OCTETS) this.#partial = EMPTY
    this.#filled = 0
    const end = FRAME_HEADER_OCTETS + size
    if (frame[end] !== FRAME_END) throw this.#lost('a frame does not end with its end octet')
    this.#handler.frame(frame[0] as number, frame.readUInt16BE(1), frame, FRAME_HEADER_OCTETS, end) // a whole frame
    return at + missing
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    this.#reserve(this.#filled + to - from)
    chunk.copy(this.#partial, this.#filled, from, to)
    this.#filled += to - from
  }

  #reserve(octets: number): void {
    if (octets <= this.#partial.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(octets, SMALLEST_OCTETS))
    this.#partial.copy(larger, 0, 0, this.#filled)
    this.#partial = larger
  }

  #sizeOf(bytes: Buffer, at: number): number {
    const size = bytes.readUInt32BE(at + 3)
    // RabbitMQ lets eight octets more pass, as some clients forget the overhead.
    if (size > this.frameMax) {
      throw this.#lost(`a frame of ${size} octets; at most ${this.frameMax} were agreed`)
    }
    return size
  }

  #lost(what: string): ConnectionError {
    this.#isLost = true
    this.#waiting.length = 0
    return new ConnectionError(501, what)
  }
}

const EMPTY = Buffer.alloc(0)
const SMALLEST_OCTETS = 512
/** A buffer for beginnings of frames up to this size is used again. */
const KEPT_OCTETS = 16 * 1024
