// What a client hears: the stream of a server, cut into methods with their contents.
import { decodeMethod, type Method } from './amqp-methods.test-support.ts'

/** What a server said on one channel: a method with its content, or that the stream has ended. */
export interface Heard extends Method {
  readonly content?: Content
}

export interface Content {
  /** Encoded. */
  readonly properties: Buffer
  readonly body: Buffer
  /** Octets of the payload of each body frame. */
  readonly frames: readonly number[]
}

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const

export class Hearing {
  readonly #heard: (channel: number, heard: Heard) => void
  #rest: Buffer = Buffer.alloc(0)
  #content: { channel: number; method: Method; properties?: Buffer; size: number; parts: Buffer[] } | undefined
  heartbeats = 0
  /** Octets that came before any frame: a protocol header. */
  preamble = ''

  constructor(heard: (channel: number, heard: Heard) => void) {
    this.#heard = heard
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (bytes.subarray(0, 4).toString() === 'AMQP') {
      this.preamble = bytes.toString('latin1')
      return
    }
    while (bytes.length >= 8 && bytes.length >= bytes.readUInt32BE(3) + 8) {
      const end = bytes.readUInt32BE(3) + 7
      if (bytes[end] !== 0xce) throw new Error('the server sent a frame without its end')
      this.#frame(bytes[0] ?? 0, bytes.readUInt16BE(1), bytes.subarray(7, end))
      bytes = bytes.subarray(end + 1)
    }
    this.#rest = bytes
  }

  #frame(type: number, channel: number, payload: Buffer): void {
    if (type === FRAME.heartbeat) this.heartbeats++
    else if (type === FRAME.method) this.#method(channel, decodeMethod(payload))
    else this.#contentFrame(type, channel, payload)
  }

  #method(channel: number, method: Method): void {
    if (this.#content !== undefined) throw new Error(`${method.name} where content was expected`)
    if (['basic.deliver', 'basic.get-ok', 'basic.return'].includes(method.name)) {
      this.#content = { channel, method, size: 0, parts: [] }
    } else this.#heard(channel, method)
  }

  #contentFrame(type: number, channel: number, payload: Buffer): void {
    const content = this.#content
    if (content?.channel !== channel) throw new Error(`a content frame on channel ${channel} out of place`)
    if (type === FRAME.header) {
      content.size = Number(payload.readBigUInt64BE(4))
      content.properties = Buffer.from(payload.subarray(12))
    } else content.parts.push(Buffer.from(payload))
    const frames = content.parts.map((part) => part.length)
    if (frames.reduce((sum, length) => sum + length, 0) < content.size) return
    this.#content = undefined
    const properties = content.properties as Buffer // the header came first
    this.#heard(channel, { ...content.method, content: { properties, body: Buffer.concat(content.parts), frames } })
  }
}
