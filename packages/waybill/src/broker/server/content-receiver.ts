import type { Message } from '../message.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import { CLASS, METHOD } from '../wire/methods/method-ids.ts'
import { readPublish, scanProperties, type PropertyScan, type PublishAddress } from '../wire/publish-scan.ts'

/** Largest body, as RabbitMQ 3 has it. */
export const MAX_BODY_BYTES: number = 128 * 1024 * 1024

/** Larger bodies get their memory as they arrive, not as they are announced. */
const ALLOCATED_AT_ONCE_BYTES = 1024 * 1024

/** Called with each whole publish. */
export type Publish = (address: PublishAddress, message: Message, properties: PropertyScan) => void

/** Puts a publish together from its method, its header and its body frames: none, or as many as the client likes. */
export class ContentReceiver {
  readonly #publish: Publish
  #state: 'none' | 'header' | 'body' = 'none'
  #address: PublishAddress = NOWHERE
  /** The arguments of the last publish, which usually are those of the next. */
  #addressBytes: Buffer = EMPTY
  #properties: Buffer = EMPTY
  #scan: PropertyScan = NO_PROPERTIES
  #size = 0
  #body: Buffer = EMPTY
  #filled = 0

  constructor(publish: Publish) {
    this.#publish = publish
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
    if (this.#size > MAX_BODY_BYTES) throw new BodyTooLarge(this.#size)
    this.#state = 'body'
    this.#filled = 0
    this.#body = this.#size === 0 ? EMPTY : Buffer.allocUnsafe(Math.min(this.#size, ALLOCATED_AT_ONCE_BYTES))
    if (this.#size === 0) this.#complete()
  }

  body(bytes: Buffer, start: number, end: number): void {
    if (this.#state !== 'body') throw this.#unexpected('a body frame')
    const filled = this.#filled + end - start
    if (filled > this.#size) throw this.#unexpected(`a body of more than the ${this.#size} octets announced`)
    if (filled > this.#body.length) this.#grow(filled)
    bytes.copy(this.#body, this.#filled, start, end)
    this.#filled = filled
    if (filled === this.#size) this.#complete()
  }

  #complete(): void {
    this.#state = 'none'
    const body = this.#body
    this.#body = EMPTY
    this.#publish(this.#address, new ReceivedMessage(this.#address, this.#properties, body), this.#scan)
  }

  #unexpected(what: string): ConnectionError {
    return new ConnectionError(505, `${what} came out of place`, this.isOpen ? METHOD.basicPublish : 0)
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(needed, this.#body.length * 2)))
    this.#body.copy(larger, 0, 0, this.#filled)
    this.#body = larger
  }
}

/** A body that no message may have; the channel is closed. */
export class BodyTooLarge extends Error {
  readonly bytes: number

  constructor(bytes: number) {
    super(`message size ${bytes} is larger than configured max size ${MAX_BODY_BYTES}`)
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

function isSame(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let at = known.length - 1; at >= 0; at--) if (known[at] !== bytes[start + at]) return false
  return true
}
