// The basic class (AMQP 0-9-1, section 1.4.5; nack: RabbitMQ, Negative Acknowledgements). Bits share octets, lowest first.
// A content, which is a header frame and body frames, follows publish, return, deliver and get-ok.
//
//   qos        = prefetch-size:long-uint prefetch-count:short-uint global:bit
//   consume    = reserved:short-uint queue:short-string consumer-tag:short-string no-local:bit no-ack:bit exclusive:bit
//                no-wait:bit arguments:table
//   consume-ok = consumer-tag:short-string
//   cancel     = consumer-tag:short-string no-wait:bit         (both ways)
//   cancel-ok  = consumer-tag:short-string
//   publish    = reserved:short-uint exchange:short-string routing-key:short-string mandatory:bit immediate:bit
//   return     = reply-code:short-uint reply-text:short-string exchange:short-string routing-key:short-string
//   deliver    = consumer-tag:short-string delivery-tag:uint64 redelivered:bit exchange:short-string
//                routing-key:short-string
//   get        = reserved:short-uint queue:short-string no-ack:bit
//   get-ok     = delivery-tag:uint64 redelivered:bit exchange:short-string routing-key:short-string
//                message-count:long-uint
//   get-empty  = reserved:short-string
//   ack        = delivery-tag:uint64 multiple:bit              (both ways)
//   reject     = delivery-tag:uint64 requeue:bit
//   nack       = delivery-tag:uint64 multiple:bit requeue:bit  (both ways)
//   recover, recover-async = requeue:bit
import type { ByteReader } from '../byte-reader.ts'
import { readTable, type FieldTable } from '../field-table.ts'
import type { FrameWriter } from '../frame-writer.ts'
import { METHOD } from './method-ids.ts'

export interface Qos {
  readonly prefetchSize: number
  readonly prefetchCount: number
  readonly global: boolean
}

export interface Consume {
  readonly queue: string
  readonly consumerTag: string
  readonly noAck: boolean
  readonly exclusive: boolean
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface Settle {
  /** Up to 2^53 exact; beyond it no tag of ours. */
  readonly deliveryTag: number
  readonly multiple: boolean
  readonly requeue: boolean
}

export function readQos(reader: ByteReader): Qos {
  return { prefetchSize: reader.long(), prefetchCount: reader.short(), global: reader.octet() !== 0 }
}

export function readConsume(reader: ByteReader): Consume {
  reader.short()
  const queue = reader.shortString()
  const consumerTag = reader.shortString()
  const bits = reader.octet()
  return {
    queue,
    consumerTag,
    noAck: (bits & 2) !== 0,
    exclusive: (bits & 4) !== 0,
    noWait: (bits & 8) !== 0,
    arguments: readTable(reader),
  }
}

/** consume-ok and cancel-ok. */
export function writeConsumerTag(frames: FrameWriter, channel: number, method: number, consumerTag: string): void {
  frames.method(channel, method).shortString(consumerTag)
  frames.end()
}

export function readCancel(reader: ByteReader): { readonly consumerTag: string; readonly noWait: boolean } {
  const consumerTag = reader.shortString()
  return { consumerTag, noWait: reader.octet() !== 0 }
}

/** The broker ends a consumer; it expects no answer. */
export function writeCancel(frames: FrameWriter, channel: number, consumerTag: string): void {
  const out = frames.method(channel, METHOD.basicCancel)
  out.shortString(consumerTag)
  out.octet(1)
  frames.end()
}

export function readGet(reader: ByteReader): { readonly queue: string; readonly noAck: boolean } {
  reader.short()
  const queue = reader.shortString()
  return { queue, noAck: reader.octet() !== 0 }
}

export function writeGetOk(
  frames: FrameWriter,
  channel: number,
  got: {
    readonly deliveryTag: number
    readonly redelivered: boolean
    readonly exchange: string
    readonly routingKey: string
    readonly messages: number
  },
): void {
  const out = frames.method(channel, METHOD.basicGetOk)
  out.safeLongLong(got.deliveryTag)
  out.octet(got.redelivered ? 1 : 0)
  out.shortString(got.exchange)
  out.shortString(got.routingKey)
  out.long(got.messages)
  frames.end()
}

export function writeGetEmpty(frames: FrameWriter, channel: number): void {
  frames.method(channel, METHOD.basicGetEmpty).shortString('')
  frames.end()
}

/** No queue took a mandatory message. */
export function writeReturn(frames: FrameWriter, channel: number, exchange: string, routingKey: string): void {
  const out = frames.method(channel, METHOD.basicReturn)
  out.short(NO_ROUTE)
  out.shortString('NO_ROUTE')
  out.shortString(exchange)
  out.shortString(routingKey)
  frames.end()
}

const NO_ROUTE = 312

/** basic.ack or basic.nack of a publish. */
export function writeConfirm(frames: FrameWriter, channel: number, tag: number, multiple: boolean, ack: boolean): void {
  const out = frames.method(channel, ack ? METHOD.basicAck : METHOD.basicNack)
  out.safeLongLong(tag)
  out.octet(multiple ? 1 : 0)
  frames.end()
}

export function readAck(reader: ByteReader): Settle {
  const deliveryTag = Number(reader.longLong())
  return { deliveryTag, multiple: reader.octet() !== 0, requeue: false }
}

export function readNack(reader: ByteReader): Settle {
  const deliveryTag = Number(reader.longLong())
  const bits = reader.octet()
  return { deliveryTag, multiple: (bits & 1) !== 0, requeue: (bits & 2) !== 0 }
}

export function readReject(reader: ByteReader): Settle {
  const deliveryTag = Number(reader.longLong())
  return { deliveryTag, multiple: false, requeue: reader.octet() !== 0 }
}

export function readRecover(reader: ByteReader): { readonly requeue: boolean } {
  return { requeue: reader.octet() !== 0 }
}
