import { ByteWriter } from './byte-writer.ts'
import { FRAME, FRAME_END, FRAME_OVERHEAD_OCTETS } from './frame-scanner.ts'

/** Bodies from here on are passed on as they are, smaller ones are copied behind their frames' headers. */
const BY_REFERENCE_OCTETS = 16 * 1024

/**
 * What one turn of the event loop has to say to one peer, frame after frame: one buffer, in which large bodies are left
 * out and handed over by reference.
 */
export class FrameWriter {
  /** The arguments of a method are written here, between `method()` and `end()`. */
  readonly out: ByteWriter = new ByteWriter()
  #parts: Uint8Array[] = []
  #partOctets = 0
  /** Of the length of the method frame of last. */
  #frameAt = 0
  #isUnfinished = false

  /** Octets that wait to be taken. */
  get length(): number {
    return this.#partOctets + this.out.length
  }

  /** Begins a method frame. */
  method(channel: number, method: number): ByteWriter {
    const { out } = this
    this.#takeBack()
    out.octet(FRAME.method)
    out.short(channel)
    this.#frameAt = out.length
    this.#isUnfinished = true
    out.long(0)
    out.long(method)
    return out
  }

  /** Ends the frame. */
  end(): void {
    this.out.patchLong(this.#frameAt, this.out.length - this.#frameAt - 4)
    this.out.octet(FRAME_END)
    this.#isUnfinished = false
  }

  heartbeat(): void {
    this.#takeBack()
    this.out.octet(FRAME.heartbeat)
    this.out.short(0)
    this.out.long(0)
    this.out.octet(FRAME_END)
  }

  /**
   * Header and body of a content of the class `basic`.
   *
   * @param frameMax largest frame, overhead included
   */
  content(channel: number, properties: Uint8Array, body: Uint8Array, frameMax: number): void {
    const { out } = this
    out.octet(FRAME.header)
    out.short(channel)
    out.long(12 + properties.length)
    out.long(CONTENT_OF_BASIC)
    out.long(0)
    out.long(body.length)
    out.raw(properties)
    out.octet(FRAME_END)
    const most = frameMax - FRAME_OVERHEAD_OCTETS
    for (let at = 0; at < body.length; at += most) {
      const part = body.length <= most ? body : body.subarray(at, at + most)
      out.octet(FRAME.body)
      out.short(channel)
      out.long(part.length)
      if (part.length < BY_REFERENCE_OCTETS) out.raw(part)
      else this.#reference(part)
      out.octet(FRAME_END)
    }
  }

  /** Everything that waits, in order; the parts are the taker's. */
  take(): readonly Uint8Array[] {
    this.#takeBack()
    const parts = this.#parts
    if (this.out.length > 0) parts.push(this.out.take())
    this.#parts = []
    this.#partOctets = 0
    return parts
  }

  /** A method frame that was begun, and failed before its end, is none. */
  #takeBack(): void {
    if (this.#isUnfinished) this.out.truncate(this.#frameAt - 3)
    this.#isUnfinished = false
  }

  #reference(part: Uint8Array): void {
    const before = this.out.take()
    this.#parts.push(before, part)
    this.#partOctets += before.length + part.length
  }
}

/** Class 60, weight 0. */
const CONTENT_OF_BASIC = 60 * 0x1_0000
