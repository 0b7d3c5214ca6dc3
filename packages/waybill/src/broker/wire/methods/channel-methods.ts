// The channel class (AMQP 0-9-1, section 1.4.2), the access class of 0-9, and confirm (RabbitMQ, Publisher Confirms).
//
//   channel.open       = reserved:short-string
//   channel.open-ok    = reserved:long-string
//   channel.flow       = active:bit
//   channel.flow-ok    = active:bit
//   access.request     = realm:short-string *bit
//   access.request-ok  = ticket:short-uint
//   confirm.select     = no-wait:bit
//   confirm.select-ok  =
import type { ByteReader } from '../byte-reader.ts'
import type { FrameWriter } from '../frame-writer.ts'
import { METHOD } from './method-ids.ts'

export function writeChannelOpenOk(frames: FrameWriter, channel: number): void {
  frames.method(channel, METHOD.channelOpenOk).longString('')
  frames.end()
}

export function readFlow(reader: ByteReader): { readonly active: boolean } {
  return { active: reader.octet() !== 0 }
}

export function writeFlowOk(frames: FrameWriter, channel: number, active: boolean): void {
  frames.method(channel, METHOD.channelFlowOk).octet(active ? 1 : 0)
  frames.end()
}

/** Every realm is open; the ticket means nothing. */
export function writeAccessRequestOk(frames: FrameWriter, channel: number): void {
  frames.method(channel, METHOD.accessRequestOk).short(1)
  frames.end()
}

export function readConfirmSelect(reader: ByteReader): { readonly noWait: boolean } {
  return { noWait: reader.octet() !== 0 }
}
