// A load generator that costs the client as little as possible: one connection publishes frames encoded in advance, one
// consumes; both look at no more than the tags. Every publish is persistent and confirmed.
import { connect, type Socket } from 'node:net'
import { ByteReader } from '../packages/waybill/src/broker/wire/byte-reader.ts'
import { writeTable } from '../packages/waybill/src/broker/wire/field-table.ts'
import { FRAME, FrameScanner, type FrameHandler } from '../packages/waybill/src/broker/wire/frame-scanner.ts'
import { FrameWriter } from '../packages/waybill/src/broker/wire/frame-writer.ts'
import { METHOD } from '../packages/waybill/src/broker/wire/methods/method-ids.ts'
import { encodeProperties } from '../packages/waybill/src/broker/wire/properties.ts'

export interface Load {
  readonly port: number
  readonly seconds: number
  /** Most unconfirmed publishes, and most unacknowledged deliveries. */
  readonly window: number
  readonly bodyBytes: number
}

export interface LoadResult {
  readonly confirmedPerSecond: number
  readonly receivedPerSecond: number
  /** From the write of a publish to its confirm, in milliseconds. */
  readonly confirmMs: Percentiles
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')
const FRAME_MAX = 131_072
/** Acknowledged together. */
const ACKNOWLEDGED = 100
/** One publish of so many is timed. */
const SAMPLED = 16
/** Publishes written at a time. */
const BURST = 500

export async function load({ port, seconds, window, bodyBytes }: Load): Promise<LoadResult> {
  const queue = `waybill-load-${process.pid}`
  const consumer = await Peer.open(port)
  const publisher = await Peer.open(port)
  await publisher.declare(queue)
  let received = 0
  consumer.onMethod = (method, bytes, start) => {
    if (method !== METHOD.basicDeliver) return
    const tag = Number(bytes.readBigUInt64BE(start + 1 + (bytes[start] ?? 0)))
    if (++received % ACKNOWLEDGED === 0) consumer.ack(tag)
  }
  await consumer.consume(queue, window)
  await publisher.selectConfirms()

  const publish = encodedPublish(queue, bodyBytes)
  const sentAt = new Float64Array(window * 2)
  const waits: number[] = []
  let sent = 0
  let confirmed = 0
  let running = true
  const pump = (): void => {
    const count = Math.min(window - (sent - confirmed), BURST)
    if (!running || count <= 0 || (count < window / 20 && sent > confirmed)) return
    const burst = Buffer.allocUnsafe(count * publish.length)
    const now = performance.now()
    for (let n = 0; n < count; n++) {
      publish.copy(burst, n * publish.length)
      sentAt[++sent % sentAt.length] = now
    }
    publisher.socket.write(burst)
  }
  const settled = new Set<number>()
  const confirm = (tag: number): void => {
    if (tag % SAMPLED === 0) waits.push(performance.now() - (sentAt[tag % sentAt.length] ?? 0))
  }
  publisher.onMethod = (method, bytes, start) => {
    if (method !== METHOD.basicAck) return
    const tag = Number(bytes.readBigUInt64BE(start))
    if (bytes[start + 8] === 0) {
      confirm(tag)
      settled.add(tag)
    } else for (let each = confirmed + 1; each <= tag; each++) if (!settled.delete(each)) confirm(each)
    if (bytes[start + 8] !== 0 && tag > confirmed) confirmed = tag
    while (settled.delete(confirmed + 1)) confirmed++
    pump()
  }
  const began = performance.now()
  pump()
  await new Promise<void>((resolve) => setTimeout(resolve, seconds * 1_000))
  running = false
  const elapsed = (performance.now() - began) / 1_000
  const result = {
    confirmedPerSecond: confirmed / elapsed,
    receivedPerSecond: received / elapsed,
    confirmMs: percentiles(waits),
  }
  consumer.socket.destroy()
  await publisher.delete(queue)
  publisher.socket.destroy()
  return result
}

/** One connection with one channel. */
class Peer implements FrameHandler {
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

  async consume(queue: string, prefetch: number): Promise<void> {
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
    out.shortString('load')
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

  /** Acknowledges all up to `tag`. */
  ack(tag: number): void {
    const out = this.#frames.method(1, METHOD.basicAck)
    out.safeLongLong(tag)
    out.octet(1)
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

function encodedPublish(queue: string, bodyBytes: number): Buffer {
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

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}
