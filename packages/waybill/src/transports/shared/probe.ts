// Whether the broker that is announced is there: the handshake of AMQP up to connection.tune, which answers a good login.
// The secret is not told to whoever does not say that it is Waybill.
import { connect } from 'node:net'
import type { Announcement } from '../../broker/process/announcement.ts'
import { ByteReader } from '../../broker/wire/byte-reader.ts'
import { readTable, writeTable } from '../../broker/wire/field-table.ts'
import { FRAME, FrameScanner } from '../../broker/wire/frame-scanner.ts'
import { FrameWriter } from '../../broker/wire/frame-writer.ts'
import { METHOD } from '../../broker/wire/methods/method-ids.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/**
 * - `answers`: it is the announced broker
 * - `gone`: nobody listens there
 * - `silent`: somebody took the connection and said nothing: a stopped process, or no broker
 * - `stranger`: somebody else
 */
export type ProbeResult = 'answers' | 'gone' | 'silent' | 'stranger'

/** Much longer than a busy broker takes: who is called silent wrongly is asked again before anybody gives up. */
const SILENT_MS = 3_000

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')
/** What connection.start may be at most. */
const MAX_FRAME_OCTETS = 64 * 1024

/** Resolves with `silent` when `signal` aborts. */
export function probe(
  { host, port, user, secret }: Announcement,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true })
    const end = (result: ProbeResult): void => {
      timer.cancel()
      signal.removeEventListener('abort', abort)
      socket.destroy()
      resolve(result)
    }
    const abort = (): void => end('silent')
    const timer = runtime.setTimer(SILENT_MS, abort)
    signal.addEventListener('abort', abort, { once: true })
    let connected = false
    socket.on('connect', () => {
      connected = true
      socket.write(PROTOCOL_HEADER)
    })
    socket.on('error', () => end(connected ? 'stranger' : 'gone'))
    socket.on('close', () => end(connected ? 'stranger' : 'gone'))
    const frames = new FrameScanner(
      {
        suspended: false,
        frame: (type, _channel, bytes, from, to) => {
          const reader = new ByteReader(bytes.subarray(from, to))
          const method = type === FRAME.method ? reader.long() : undefined
          if (method === METHOD.connectionStart && isWaybill(reader)) socket.write(startOk(user, secret))
          else end(method === METHOD.connectionTune ? 'answers' : 'stranger')
        },
      },
      MAX_FRAME_OCTETS,
    )
    socket.on('data', (chunk: Buffer) => {
      try {
        frames.push(chunk)
      } catch {
        // No AMQP.
        end('stranger')
      }
    })
  })
}

/** connection.start: version-major octet, version-minor octet, server-properties table, … */
function isWaybill(reader: ByteReader): boolean {
  reader.short()
  return typeof readTable(reader)['waybill'] === 'string'
}

/** connection.start-ok: client-properties table, mechanism short string, response long string, locale short string. */
function startOk(user: string, secret: string): Uint8Array {
  const frames = new FrameWriter()
  const out = frames.method(0, METHOD.connectionStartOk)
  writeTable(out, { product: 'Waybill', capabilities: { authentication_failure_close: true } })
  out.shortString('PLAIN')
  out.longString(`\0${user}\0${secret}`)
  out.shortString('en_US')
  frames.end()
  return Buffer.concat(frames.take())
}
