// The methods of AMQP 0-9-1 with RabbitMQ's extensions, as a client needs them: written and read by one table, so that
// nothing here is shared with the server's own reading and writing but octets, strings and tables.
import { ByteReader } from '../../wire/byte-reader.ts'
import { ByteWriter } from '../../wire/byte-writer.ts'
import { readTable, writeTable, type FieldTable } from '../../wire/field-table.ts'

/** class.method name field:type ... Bits in a row share octets. */
const METHODS = `
10.10 connection.start version-major:octet version-minor:octet server-properties:table mechanisms:longstr locales:longstr
10.11 connection.start-ok client-properties:table mechanism:shortstr response:longstr locale:shortstr
10.30 connection.tune channel-max:short frame-max:long heartbeat:short
10.31 connection.tune-ok channel-max:short frame-max:long heartbeat:short
10.40 connection.open virtual-host:shortstr reserved-1:shortstr reserved-2:bit
10.41 connection.open-ok reserved:shortstr
10.50 connection.close reply-code:short reply-text:shortstr class:short method:short
10.51 connection.close-ok
10.60 connection.blocked reason:shortstr
10.61 connection.unblocked
10.70 connection.update-secret new-secret:longstr reason:shortstr
10.71 connection.update-secret-ok
20.10 channel.open reserved:shortstr
20.11 channel.open-ok reserved:longstr
20.20 channel.flow active:bit
20.21 channel.flow-ok active:bit
20.40 channel.close reply-code:short reply-text:shortstr class:short method:short
20.41 channel.close-ok
30.10 access.request realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
30.11 access.request-ok ticket:short
40.10 exchange.declare reserved:short exchange:shortstr type:shortstr passive:bit durable:bit auto-delete:bit internal:bit no-wait:bit arguments:table
40.11 exchange.declare-ok
40.20 exchange.delete reserved:short exchange:shortstr if-unused:bit no-wait:bit
40.21 exchange.delete-ok
40.30 exchange.bind reserved:short destination:shortstr source:shortstr routing-key:shortstr no-wait:bit arguments:table
40.31 exchange.bind-ok
40.40 exchange.unbind reserved:short destination:shortstr source:shortstr routing-key:shortstr no-wait:bit arguments:table
40.51 exchange.unbind-ok
50.10 queue.declare reserved:short queue:shortstr passive:bit durable:bit exclusive:bit auto-delete:bit no-wait:bit arguments:table
50.11 queue.declare-ok queue:shortstr messages:long consumers:long
50.20 queue.bind reserved:short queue:shortstr exchange:shortstr routing-key:shortstr no-wait:bit arguments:table
50.21 queue.bind-ok
50.30 queue.purge reserved:short queue:shortstr no-wait:bit
50.31 queue.purge-ok messages:long
50.40 queue.delete reserved:short queue:shortstr if-unused:bit if-empty:bit no-wait:bit
50.41 queue.delete-ok messages:long
50.50 queue.unbind reserved:short queue:shortstr exchange:shortstr routing-key:shortstr arguments:table
50.51 queue.unbind-ok
60.10 basic.qos prefetch-size:long prefetch-count:short global:bit
60.11 basic.qos-ok
60.20 basic.consume reserved:short queue:shortstr consumer-tag:shortstr no-local:bit no-ack:bit exclusive:bit no-wait:bit arguments:table
60.21 basic.consume-ok consumer-tag:shortstr
60.30 basic.cancel consumer-tag:shortstr no-wait:bit
60.31 basic.cancel-ok consumer-tag:shortstr
60.40 basic.publish reserved:short exchange:shortstr routing-key:shortstr mandatory:bit immediate:bit
60.50 basic.return reply-code:short reply-text:shortstr exchange:shortstr routing-key:shortstr
60.60 basic.deliver consumer-tag:shortstr delivery-tag:longlong redelivered:bit exchange:shortstr routing-key:shortstr
60.70 basic.get reserved:short queue:shortstr no-ack:bit
60.71 basic.get-ok delivery-tag:longlong redelivered:bit exchange:shortstr routing-key:shortstr messages:long
60.72 basic.get-empty reserved:shortstr
60.80 basic.ack delivery-tag:longlong multiple:bit
60.90 basic.reject delivery-tag:longlong requeue:bit
60.100 basic.recover-async requeue:bit
60.110 basic.recover requeue:bit
60.111 basic.recover-ok
60.120 basic.nack delivery-tag:longlong multiple:bit requeue:bit
85.10 confirm.select no-wait:bit
85.11 confirm.select-ok
90.10 tx.select
90.11 tx.select-ok
90.20 tx.commit
90.21 tx.commit-ok
90.30 tx.rollback
90.31 tx.rollback-ok
`

export type Value = string | number | boolean | Uint8Array | FieldTable
export type Fields = Readonly<Record<string, Value>>

export interface Method {
  readonly name: string
  readonly fields: Fields
}

/** A field in words. */
export function textOf(value: Value | undefined): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

interface Shape {
  readonly name: string
  readonly id: number
  readonly fields: readonly (readonly [name: string, type: string])[]
}

const SHAPES: readonly Shape[] = METHODS.trim()
  .split('\n')
  .map((line) => {
    const [id = '', name = '', ...fields] = line.split(' ')
    const [classId, methodId] = id.split('.').map(Number)
    return {
      name,
      id: (classId ?? 0) * 0x1_0000 + (methodId ?? 0),
      fields: fields.map((field) => field.split(':') as [string, string]), // every field has its type
    }
  })
const BY_NAME = new Map(SHAPES.map((shape) => [shape.name, shape]))
const BY_ID = new Map(SHAPES.map((shape) => [shape.id, shape]))

/** The payload of a method frame; fields that are not given are 0, empty or off. Strings may be octets that are no text. */
export function encodeMethod(name: string, fields: Fields = {}): Uint8Array {
  const shape = BY_NAME.get(name)
  const stranger = Object.keys(fields).find((field) => !shape?.fields.some(([known]) => known === field))
  if (shape === undefined || stranger !== undefined) throw new TypeError(`no ${name} with ${stranger ?? 'fields'}`)
  const writer = new ByteWriter()
  writer.long(shape.id)
  let bits = 0
  let bit = 0
  const endBits = (): void => {
    if (bit > 0) writer.octet(bits)
    bits = bit = 0
  }
  for (const [field, type] of shape.fields) {
    const value = fields[field]
    if (type === 'bit') {
      if (value === true) bits |= 1 << bit
      bit++
    } else {
      endBits()
      encodeField(writer, type, value)
    }
  }
  endBits()
  return writer.bytes()
}

function encodeField(writer: ByteWriter, type: string, value: Value | undefined): void {
  if (type === 'table') writeTable(writer, (value ?? {}) as FieldTable)
  else if (type === 'shortstr' || type === 'longstr') {
    const octets = typeof value === 'string' ? Buffer.from(value) : ((value ?? Buffer.alloc(0)) as Uint8Array)
    if (type === 'shortstr') writer.octet(octets.length)
    else writer.long(octets.length)
    writer.raw(octets)
  } else if (type === 'octet') writer.octet(Number(value ?? 0))
  else if (type === 'short') writer.short(Number(value ?? 0))
  else if (type === 'long') writer.long(Number(value ?? 0))
  else writer.longLong(BigInt(Number(value ?? 0)))
}

export function decodeMethod(payload: Uint8Array): Method {
  const reader = new ByteReader(payload)
  const id = reader.long()
  const shape = BY_ID.get(id)
  if (shape === undefined) throw new Error(`the server sent an unknown method ${id.toString(16)}`)
  const fields: Record<string, Value> = {}
  let bits: { octet: number; next: number } | undefined
  for (const [field, type] of shape.fields) {
    if (type === 'bit') {
      bits ??= { octet: reader.octet(), next: 0 }
      fields[field] = ((bits.octet >> bits.next++) & 1) === 1
    } else {
      bits = undefined
      fields[field] = decodeField(reader, type)
    }
  }
  if (reader.more) throw new Error(`${shape.name} has octets too many`)
  return { name: shape.name, fields }
}

function decodeField(reader: ByteReader, type: string): Value {
  if (type === 'table') return readTable(reader)
  if (type === 'shortstr') return reader.shortString()
  if (type === 'longstr') return reader.view(reader.long()).toString()
  if (type === 'octet') return reader.octet()
  if (type === 'short') return reader.short()
  return type === 'long' ? reader.long() : Number(reader.longLong())
}
