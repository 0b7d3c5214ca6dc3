// The exchange class (AMQP 0-9-1, section 1.4.3; bind and unbind: RabbitMQ, Exchange to Exchange Bindings). Bits of one
// method share octets, lowest first.
//
//   declare      = reserved:short-uint exchange:short-string type:short-string passive:bit durable:bit auto-delete:bit
//                  internal:bit no-wait:bit arguments:table
//   delete       = reserved:short-uint exchange:short-string if-unused:bit no-wait:bit
//   bind, unbind = reserved:short-uint destination:short-string source:short-string routing-key:short-string
//                  no-wait:bit arguments:table
//   declare-ok, delete-ok, bind-ok, unbind-ok =
import type { ByteReader } from '../byte-reader.ts'
import { readTable, type FieldTable } from '../field-table.ts'

export interface ExchangeDeclare {
  readonly exchange: string
  readonly type: string
  readonly passive: boolean
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export interface ExchangeDelete {
  readonly exchange: string
  readonly ifUnused: boolean
  readonly noWait: boolean
}

export interface ExchangeBind {
  readonly destination: string
  readonly source: string
  readonly routingKey: string
  readonly noWait: boolean
  readonly arguments: FieldTable
}

export function readExchangeDeclare(reader: ByteReader): ExchangeDeclare {
  reader.short()
  const exchange = reader.shortString()
  const type = reader.shortString()
  const bits = reader.octet()
  return {
    exchange,
    type,
    passive: (bits & 1) !== 0,
    durable: (bits & 2) !== 0,
    autoDelete: (bits & 4) !== 0,
    internal: (bits & 8) !== 0,
    noWait: (bits & 16) !== 0,
    arguments: readTable(reader),
  }
}

export function readExchangeDelete(reader: ByteReader): ExchangeDelete {
  reader.short()
  const exchange = reader.shortString()
  const bits = reader.octet()
  return { exchange, ifUnused: (bits & 1) !== 0, noWait: (bits & 2) !== 0 }
}

export function readExchangeBind(reader: ByteReader): ExchangeBind {
  reader.short()
  const destination = reader.shortString()
  const source = reader.shortString()
  const routingKey = reader.shortString()
  const noWait = reader.octet() !== 0
  return { destination, source, routingKey, noWait, arguments: readTable(reader) }
}
