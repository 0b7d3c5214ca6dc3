// The connection class (AMQP 0-9-1, section 1.4.1, and RabbitMQ's extensions blocked, unblocked, update-secret). Channel 0.
//
//   start            = version-major:octet version-minor:octet server-properties:table mechanisms:long-string
//                      locales:long-string
//   start-ok         = client-properties:table mechanism:short-string response:long-string locale:short-string
//   tune, tune-ok    = channel-max:short-uint frame-max:long-uint heartbeat:short-uint
//   open             = virtual-host:short-string reserved:short-string reserved:bit
//   open-ok          = reserved:short-string
//   close            = reply-code:short-uint reply-text:short-string class-id:short-uint method-id:short-uint
//   close-ok         =
//   blocked          = reason:short-string
//   unblocked        =
//   update-secret    = new-secret:long-string reason:short-string
//   update-secret-ok =
import type { ByteReader } from '../byte-reader.ts'
import { readTable, writeTable, type FieldTable } from '../field-table.ts'
import type { FrameWriter } from '../frame-writer.ts'
import { METHOD } from './method-ids.ts'

export interface StartOk {
  readonly clientProperties: FieldTable
  readonly mechanism: string
  readonly response: Buffer
}

export interface Tune {
  /** 0 is no limit. */
  readonly channelMax: number
  /** Octets of a frame with its overhead; 0 is no limit. */
  readonly frameMax: number
  /** Seconds; 0 is none. */
  readonly heartbeat: number
}

export function writeStart(frames: FrameWriter, serverProperties: FieldTable, mechanisms: string): void {
  const out = frames.method(0, METHOD.connectionStart)
  out.octet(0)
  out.octet(9)
  writeTable(out, serverProperties)
  out.longString(mechanisms)
  out.longString('en_US')
  frames.end()
}

export function readStartOk(reader: ByteReader): StartOk {
  const clientProperties = readTable(reader)
  const mechanism = reader.shortString()
  const response = reader.view(reader.long())
  return { clientProperties, mechanism, response }
}

export function writeTune(frames: FrameWriter, { channelMax, frameMax, heartbeat }: Tune): void {
  const out = frames.method(0, METHOD.connectionTune)
  out.short(channelMax)
  out.long(frameMax)
  out.short(heartbeat)
  frames.end()
}

export function readTuneOk(reader: ByteReader): Tune {
  return { channelMax: reader.short(), frameMax: reader.long(), heartbeat: reader.short() }
}

export function readOpen(reader: ByteReader): { readonly virtualHost: string } {
  return { virtualHost: reader.shortString() }
}

export function writeOpenOk(frames: FrameWriter): void {
  frames.method(0, METHOD.connectionOpenOk).shortString('')
  frames.end()
}

export function writeBlocked(frames: FrameWriter, reason: string): void {
  frames.method(0, METHOD.connectionBlocked).shortString(reason)
  frames.end()
}
