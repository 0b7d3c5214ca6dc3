// A client of raw frames, which costs as little as a client can.
import { connect, type Socket } from 'node:net'
import { ByteReader } from '../packages/waybill/src/broker/wire/byte-reader.ts'
import { writeTable } from '../packages/waybill/src/broker/wire/field-table.ts'
import { FRAME, FrameScanner, type FrameHandler } from '../packages/waybill/src/broker/wire/frame-scanner.ts'
import { FrameWriter } from '../packages/waybill/src/broker/wire/frame-writer.ts'
import { METHOD } from '../packages/waybill/src/broker/wire/methods/method-ids.ts'
import { encodeProperties } from '../packages/waybill/src/broker/wire/properties.ts'

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')
const FRAME_MAX = 131_072

/** One connection with one channel. */
export class Peer implements FrameHandler {
  readonly suspended = false
  readonly socket: Socket
  readonly #frames = new FrameWriter()
  readonly #scanner = new FrameScanner(this, FRAME_MAX)
  #answer: { readonly method: number; readonly resolve: () => void } | undefined
  onMethod: (method: number, bytes: Buffer, start: number) => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#scanner.push(chunk))
  }

  static async open(port: number): Promise<Peer> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const peer = new Peer(socket)
    socket.write(PROTOCOL_HEADER)
    await peer.#answered(METHOD.connectionStart)
    const { out } = peer.#frames
    peer.#frames.method(0, METHOD.connectionStartOk)
    writeTable(out, { capabilities: { publisher_confirms: true, 'basic.nack': true } })
    out.shortString('PLAIN')
    out.longString('\0guest\0guest')
    out.shortString('en_US')
    peer.#frames.end()
    await peer.#call(METHOD.connectionTune)
    peer.#frames.method(0, METHOD.connectionTuneOk)
    out.short(2_047)
    out.long(FRAME_MAX)
    out.short(0)
    peer.#frames.end()
    peer.#frames.method(0, METHOD.connectionOpen)
    out.shortString('/')
    out.shortString('')
    out.octet(0)
    peer.#frames.end()
    await peer.#call(METHOD.connectionOpenOk)
    peer.#frames.method(1, METHOD.channelOpen).shortString('')
    peer.#frames.end()
    await peer.#call(METHOD.channelOpenOk)
    return peer
  }

  frame(type: number, _channel: number, bytes: Buffer, start: number): void {
    if (type !== FRAME.method) return
    const method = bytes.readUInt32BE(start)
    if (method === METHOD.channelClose || method === METHOD.connectionClose) throw closed(bytes, start)
    if (this.#answer?.method === method) this.#answer.resolve()
    else this.onMethod(method, bytes, start + 4)
  }

  async declare(queue: string): Promise<void> {
    const out = this.#frames.method(1, METHOD.queueDeclare)
    out.short(0)
    out.shortString(queue)
    out.octet(2) // durable
    writeTable(out, {})
    this.#frames.end()
    await this.#call(METHOD.queueDeclareOk)
  }

  async delete(queue: string): Promise<void> {
    const out = this.#frames.method(1, METHOD.queueDelete)
    out.short(0)
    out.shortString(queue)
    out.octet(0)
    this.#frames.end()
    await this.#call(METHOD.queueDeleteOk)
  }

  async consume(queue: string, prefetch: number, tag = 'load'): Promise<void> {
    const { out } = this.#frames
    this.#frames.method(1, METHOD.basicQos)
    out.long(0)
    out.short(prefetch)
    out.octet(0)
    this.#frames.end()
    await this.#call(METHOD.basicQosOk)
    this.#frames.method(1, METHOD.basicConsume)
    out.short(0)
    out.shortString(queue)
    out.shortString(tag)
    out.octet(0)
    writeTable(out, {})
    this.#frames.end()
    await this.#call(METHOD.basicConsumeOk)
  }

  async selectConfirms(): Promise<void> {
    this.#frames.method(1, METHOD.confirmSelect).octet(0)
    this.#frames.end()
    await this.#call(METHOD.confirmSelectOk)
  }

  /** Acknowledges the delivery, or all up to it. */
  ack(tag: number, multiple = true): void {
    const out = this.#frames.method(1, METHOD.basicAck)
    out.safeLongLong(tag)
    out.octet(multiple ? 1 : 0)
    this.#frames.end()
    this.#write()
  }

  async #call(answer: number): Promise<void> {
    this.#write()
    await this.#answered(answer)
  }

  #answered(method: number): Promise<void> {
    return new Promise((resolve) => (this.#answer = { method, resolve }))
  }

  #write(): void {
    for (const part of this.#frames.take()) this.socket.write(part)
  }
}

export function encodedPublish(queue: string, bodyBytes: number): Buffer {
  const frames = new FrameWriter()
  const out = frames.method(1, METHOD.basicPublish)
  out.short(0)
  out.shortString('')
  out.shortString(queue)
  out.octet(0)
  frames.end()
  frames.content(1, encodeProperties({ deliveryMode: 2 }), Buffer.alloc(bodyBytes, 'x'), FRAME_MAX)
  return Buffer.concat(frames.take())
}

function closed(bytes: Buffer, start: number): Error {
  const reader = new ByteReader(bytes.subarray(start + 4))
  return new Error(`the broker closed with ${reader.short()} ${reader.shortString()}`)
}
