import type { Message } from '../message.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import { CLASS, METHOD } from '../wire/methods/method-ids.ts'
import { readPublish, scanProperties, type PropertyScan, type PublishAddress } from '../wire/publish-scan.ts'

/** What a body in several frames gets at least. It gets memory as it arrives, not as it is announced. */
const FIRST_BYTES = 64 * 1024

/** What bodies may take. */
export interface BodyBounds {
  /** The largest one. */
  readonly messageBytes: number
  /** One that is not whole takes so many octets more than before, or fewer; it may be given up for that. */
  changed(octets: number): void
}

/** Called with each whole publish. */
export type Publish = (address: PublishAddress, message: Message, properties: PropertyScan) => void

/** Puts a publish together from its method, its header and its body frames: none, or as many as the client likes. */
export class ContentReceiver {
  readonly #publish: Publish
  readonly #bounds: BodyBounds
  #state: 'none' | 'header' | 'body' = 'none'
  #address: PublishAddress = NOWHERE
  /** The arguments of the last publish, which usually are those of the next. */
  #addressBytes: Buffer = EMPTY
  #properties: Buffer = EMPTY
  #scan: PropertyScan = NO_PROPERTIES
  #size = 0
  #body: Buffer = EMPTY
  #filled = 0

  constructor(publish: Publish, bounds: BodyBounds) {
    this.#publish = publish
    this.#bounds = bounds
  }

  /** Whether a publish has begun, so that no method may come. */
  get isOpen(): boolean {
    return this.#state !== 'none'
  }

  /** @param start of the arguments */
  method(bytes: Buffer, start: number, end: number): void {
    if (!isSame(this.#addressBytes, bytes, start, end)) {
      this.#address = readPublish(bytes, start, end)
      this.#addressBytes = Buffer.from(bytes.subarray(start, end))
    }
    if (this.#address.immediate) throw new ConnectionError(540, 'immediate=true', METHOD.basicPublish)
    this.#state = 'header'
  }

  /** The payload of a header frame: class, weight, size of the body, properties. */
  header(bytes: Buffer, start: number, end: number): void {
    if (this.#state !== 'header') throw this.#unexpected('a header frame')
    if (end - start < HEADER_OCTETS + 2)
      throw new ConnectionError(501, 'a header frame ends within its fields', METHOD.basicPublish)
    if (bytes.readUInt32BE(start) !== CLASS_AND_WEIGHT) throw this.#unexpected('a header frame of another class')
    this.#size = bytes.readUInt32BE(start + 4) * 0x1_0000_0000 + bytes.readUInt32BE(start + 8)
    if (!isSame(this.#properties, bytes, start + HEADER_OCTETS, end)) {
      this.#properties = Buffer.from(bytes.subarray(start + HEADER_OCTETS, end))
      this.#scan = scanProperties(this.#properties)
    }
    const { messageBytes } = this.#bounds
    if (this.#size > messageBytes) throw new BodyTooLarge(this.#size, messageBytes)
    this.#state = 'body'
    this.#filled = 0
    if (this.#size === 0) this.#complete(EMPTY)
  }

  body(bytes: Buffer, start: number, end: number): void {
    if (this.#state !== 'body') throw this.#unexpected('a body frame')
    const filled = this.#filled + end - start
    if (filled > this.#size) throw this.#unexpected(`a body of more than the ${this.#size} octets announced`)
    // Most bodies are one frame.
    if (end - start === this.#size) return this.#complete(copied(bytes, start, end))
    if (filled > this.#body.length) this.#grow(filled)
    if (!this.isOpen) return
    bytes.copy(this.#body, this.#filled, start, end)
    this.#filled = filled
    if (filled === this.#size) this.#complete(this.#body)
  }

  /** The channel has ended, in the midst of a body perhaps. */
  close(): void {
    this.#state = 'none'
    this.#forgetBody()
  }

  #complete(body: Buffer): void {
    this.#state = 'none'
    this.#forgetBody()
    this.#publish(this.#address, new ReceivedMessage(this.#address, this.#properties, body), this.#scan)
  }

  #forgetBody(): void {
    const { length } = this.#body
    this.#body = EMPTY
    if (length > 0) this.#bounds.changed(-length)
  }

  #unexpected(what: string): ConnectionError {
    return new ConnectionError(505, `${what} came out of place`, this.isOpen ? METHOD.basicPublish : 0)
  }

  #grow(needed: number): void {
    const { length } = this.#body
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(needed, length * 2, FIRST_BYTES)))
    this.#body.copy(larger, 0, 0, this.#filled)
    this.#body = larger
    this.#bounds.changed(larger.length - length)
  }
}

/** A body that no message may have; the channel is closed. */
export class BodyTooLarge extends Error {
  readonly bytes: number

  constructor(bytes: number, most: number) {
    super(`message size ${bytes} is larger than configured max size ${most}`)
    this.bytes = bytes
  }
}

class ReceivedMessage implements Message {
  readonly exchange: string
  readonly routingKey: string
  readonly properties: Uint8Array
  readonly body: Uint8Array
  readonly origin = undefined

  constructor(address: PublishAddress, properties: Uint8Array, body: Uint8Array) {
    this.exchange = address.exchange
    this.routingKey = address.routingKey
    this.properties = properties
    this.body = body
  }
}

const EMPTY = Buffer.alloc(0)
/** Of the class `basic`, and the weight that no content has. */
const CLASS_AND_WEIGHT = CLASS.basic * 0x1_0000
/** class-id weight body-size */
const HEADER_OCTETS = 12
const NOWHERE: PublishAddress = { exchange: '', routingKey: '', mandatory: false, immediate: false }
const NO_PROPERTIES: PropertyScan = {
  persistent: false,
  expiration: undefined,
  replyTo: undefined,
  userId: undefined,
}

function copied(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}

function isSame(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let at = known.length - 1; at >= 0; at--) if (known[at] !== bytes[start + at]) return false
  return true
}
