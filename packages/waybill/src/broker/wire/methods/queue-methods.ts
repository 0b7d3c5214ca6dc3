// The queue class (AMQP 0-9-1, section 1.4.4). Bits of one method share octets, lowest first.
//
//   declare     = reserved:short-uint queue:short-string passive:bit durable:bit exclusive:bit auto-delete:bit
//                 no-wait:bit arguments:table
//   declare-ok  = queue:short-string message-count:long-uint consumer-count:long-uint
//   bind        = reserved:short-uint queue:short-string exchange:short-string routing-key:short-string no-wait:bit
//                 arguments:table
//   unbind      = reserved:short-uint queue:short-string exchange:short-string routing-key:short-string arguments:table
//   purge       = reserved:short-uint queue:short-string no-wait:bit
//   delete      = reserved:short-uint queue:short-string if-unused:bit if-empty:bit no-wait:bit
//   purge-ok, delete-ok = message-count:long-uint
//   bind-ok, unbind-ok  =
import type { ByteReader } from '../byte-reader.ts'
import { readTable, type FieldTable } from '../field-table.ts'
import type { FrameWriter } from '../frame-writer.ts'
import { METHOD } from './method-ids.ts'

export interface QueueDeclare {
  readonly queue: string
  readonly passive: boolean
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface QueueBind {
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface QueueDelete {
  readonly queue: string
  readonly ifUnused: boolean
  readonly ifEmpty: boolean
  readonly noWait: boolean
}

export function readQueueDeclare(reader: ByteReader): QueueDeclare {
  reader.short()
  const queue = reader.shortString()
  const bits = reader.octet()
  return {
    queue,
    passive: (bits & 1) !== 0,
    durable: (bits & 2) !== 0,
    exclusive: (bits & 4) !== 0,
    autoDelete: (bits & 8) !== 0,
    noWait: (bits & 16) !== 0,
    arguments: readTable(reader),
  }
}

export function writeQueueDeclareOk(
  frames: FrameWriter,
  channel: number,
  queue: string,
  messages: number,
  consumers: number,
): void {
  const out = frames.method(channel, METHOD.queueDeclareOk)
  out.shortString(queue)
  out.long(messages)
  out.long(consumers)
  frames.end()
}

export function readQueueBind(reader: ByteReader): QueueBind {
  reader.short()
  const queue = reader.shortString()
  const exchange = reader.shortString()
  const routingKey = reader.shortString()
  const noWait = reader.octet() !== 0
  return { queue, exchange, routingKey, noWait, arguments: readTable(reader) }
}

/** It has no no-wait bit. */
export function readQueueUnbind(reader: ByteReader): QueueBind {
  reader.short()
  const queue = reader.shortString()
  const exchange = reader.shortString()
  const routingKey = reader.shortString()
  return { queue, exchange, routingKey, noWait: false, arguments: readTable(reader) }
}

export function readQueuePurge(reader: ByteReader): { readonly queue: string; readonly noWait: boolean } {
  reader.short()
  const queue = reader.shortString()
  return { queue, noWait: reader.octet() !== 0 }
}

export function readQueueDelete(reader: ByteReader): QueueDelete {
  reader.short()
  const queue = reader.shortString()
  const bits = reader.octet()
  return { queue, ifUnused: (bits & 1) !== 0, ifEmpty: (bits & 2) !== 0, noWait: (bits & 4) !== 0 }
}

/** purge-ok and delete-ok. */
export function writeMessageCount(frames: FrameWriter, channel: number, method: number, messages: number): void {
  frames.method(channel, method).long(messages)
  frames.end()
}
