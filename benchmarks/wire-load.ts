// A load generator that costs the client as little as possible: one connection publishes frames encoded in advance, one
// consumes; both look at no more than the tags. Every publish is persistent and confirmed.
import { Peer, encodedPublish } from './wire-peer.ts'
import { METHOD } from '../packages/waybill/src/broker/wire/methods/method-ids.ts'

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

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}
