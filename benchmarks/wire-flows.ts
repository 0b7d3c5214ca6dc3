// Publishing alone and consuming alone, each as fast as one connection goes.
import { METHOD } from '../packages/waybill/src/broker/wire/methods/method-ids.ts'
import { Peer, encodedPublish } from './wire-peer.ts'

export interface Flow {
  readonly port: number
  readonly queue: string
  readonly messages: number
  readonly bodyBytes: number
  /** Most unconfirmed publishes, or unacknowledged deliveries. */
  readonly window: number
}

/** Written, or acknowledged, at a time. */
const BURST = 500

/** Persistent, every one confirmed; returns messages per second. The queue is declared, and stays. */
export async function publishAll({ port, queue, messages, bodyBytes, window }: Flow): Promise<number> {
  const peer = await Peer.open(port)
  await peer.declare(queue)
  await peer.selectConfirms()
  const burst = Buffer.concat(Array.from({ length: BURST }, () => encodedPublish(queue, bodyBytes)))
  let [sent, confirmed] = [0, 0]
  const began = performance.now()
  await new Promise<void>((resolve) => {
    const pump = (): void => {
      for (; sent < messages && sent - confirmed <= window - BURST; sent += BURST) peer.socket.write(burst)
    }
    peer.onMethod = (method, bytes, start) => {
      if (method !== METHOD.basicAck) return
      confirmed = Math.max(confirmed, Number(bytes.readBigUInt64BE(start)))
      if (confirmed >= messages) resolve()
      else pump()
    }
    pump()
  })
  const perSecond = (messages * 1_000) / (performance.now() - began)
  peer.socket.destroy()
  return perSecond
}

/** Acknowledges them; returns messages per second. */
export async function consumeAll({ port, queue, messages, window }: Flow): Promise<number> {
  const peer = await Peer.open(port)
  let received = 0
  const began = performance.now()
  await new Promise<void>((resolve, reject) => {
    peer.onMethod = (method, bytes, start) => {
      if (method !== METHOD.basicDeliver) return
      const tag = Number(bytes.readBigUInt64BE(start + 1 + (bytes[start] ?? 0)))
      if (++received % BURST === 0) peer.ack(tag)
      if (received === messages) resolve()
    }
    peer.consume(queue, window).catch(reject)
  })
  const perSecond = (messages * 1_000) / (performance.now() - began)
  peer.socket.destroy()
  return perSecond
}
