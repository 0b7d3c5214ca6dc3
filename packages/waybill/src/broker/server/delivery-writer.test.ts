import { describe, expect, test } from 'vitest'
import type { Message } from '../message.ts'
import { TypedField } from '../wire/field-table.ts'
import { FrameScanner } from '../wire/frame-scanner.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { decodeProperties, encodeProperties } from '../wire/properties.ts'
import { DeliveryWriter } from './delivery-writer.ts'
import { decodeMethod } from './differential/amqp-methods.test-support.ts'
import { SERVER_LIMITS } from './server-limits.ts'
import type { SessionContext } from './session-context.ts'

interface Frame {
  readonly type: number
  readonly channel: number
  readonly payload: Buffer
}

class Channel {
  readonly number = 3
  readonly frames = new FrameWriter()
  isOpen = true
  writes = 0
  readonly after: (() => void)[] = []
  readonly failures: unknown[] = []
  readonly capabilities = new Set(['consumer_cancel_notify'])
  readonly session: SessionContext = {
    limits: SERVER_LIMITS,
    user: 'guest',
    tags: [],
    frameMax: 4_096,
    unread: 0,
    can: (capability) => this.capabilities.has(capability),
    wrote: () => void this.writes++,
    afterAnswers: (write) => void this.after.push(write),
    uniqueName: (prefix) => prefix,
  }

  failed(error: unknown): void {
    this.failures.push(error)
  }

  written(): Frame[] {
    const frames: Frame[] = []
    const scanner = new FrameScanner(
      {
        suspended: false,
        frame: (type, channel, bytes, start, end) =>
          void frames.push({ type, channel, payload: Buffer.from(bytes.subarray(start, end)) }),
      },
      4_096,
    )
    for (const part of this.frames.take()) scanner.push(Buffer.from(part))
    return frames
  }
}

function message(routingKey: string, body: Uint8Array, properties = encodeProperties({})): Message {
  return { exchange: 'e', routingKey, properties, body, origin: undefined }
}

describe('DeliveryWriter', () => {
  test('writes deliveries in frames of what was agreed', () => {
    const channel = new Channel()
    const writer = new DeliveryWriter(channel, { tag: 'c', countsDeliveries: false })
    for (const octets of [0, 4_088, 4_089, 50_000]) {
      const body = Buffer.alloc(octets, octets % 251)
      writer.receive(7, message('k', body), 1)
      const [method, header, ...bodies] = channel.written()
      expect(decodeMethod(method?.payload ?? Buffer.alloc(0))).toEqual({
        name: 'basic.deliver',
        fields: { 'consumer-tag': 'c', 'delivery-tag': 7, redelivered: false, exchange: 'e', 'routing-key': 'k' },
      })
      expect(header?.payload.readBigUInt64BE(4)).toBe(BigInt(octets))
      expect(bodies.every(({ payload }) => payload.length <= 4_088)).toBe(true)
      expect(Buffer.concat(bodies.map(({ payload }) => payload)).equals(body)).toBe(true)
    }
    expect(channel.writes).toBe(4)
  })

  test('writes each address where they change', () => {
    const channel = new Channel()
    const writer = new DeliveryWriter(channel, { tag: 'c', countsDeliveries: false })
    for (const key of ['a', 'a', 'b', 'a']) writer.receive(1, message(key, Buffer.alloc(0)), 2)
    const methods = channel.written().filter(({ type }) => type === 1)
    expect(methods.map(({ payload }) => decodeMethod(payload).fields)).toMatchObject(
      ['a', 'a', 'b', 'a'].map((key) => ({ 'routing-key': key, redelivered: true })),
    )
  })

  test('counts deliveries for a quorum queue, and changes nothing else', () => {
    const channel = new Channel()
    const writer = new DeliveryWriter(channel, { tag: 'c', countsDeliveries: true })
    const properties = encodeProperties({ headers: { a: TypedField.number('s', 1) }, appId: 'x' })
    for (const count of [1, 2, 3]) writer.receive(count, message('k', Buffer.alloc(0), properties), count)
    const headers = channel.written().filter(({ type }) => type === 2)
    expect(headers.map(({ payload }) => decodeProperties(payload.subarray(12)))).toEqual([
      { headers: { a: TypedField.number('s', 1) }, appId: 'x' },
      { headers: { a: TypedField.number('s', 1), 'x-delivery-count': TypedField.long('l', 1n) }, appId: 'x' },
      { headers: { a: TypedField.number('s', 1), 'x-delivery-count': TypedField.long('l', 2n) }, appId: 'x' },
    ])
  })

  test('writes nothing of a message that cannot be written, and says so', () => {
    const channel = new Channel()
    const writer = new DeliveryWriter(channel, { tag: 'c', countsDeliveries: false })
    writer.receive(1, message('k'.repeat(256), Buffer.alloc(0)), 1)
    expect(channel.failures).toMatchObject([expect.any(RangeError)])
    writer.receive(2, message('k', Buffer.alloc(0)), 1)
    expect(channel.written().map(({ type }) => type)).toEqual([1, 2])
  })

  test('says that the consumer is cancelled behind the answers, unless the channel has closed by then', () => {
    const channel = new Channel()
    const writer = new DeliveryWriter(channel, { tag: 'c', countsDeliveries: false })
    writer.cancelled()
    expect(channel.written()).toEqual([])
    for (const write of channel.after) write()
    expect(channel.written().map(({ payload }) => decodeMethod(payload))).toMatchObject([
      { name: 'basic.cancel', fields: { 'consumer-tag': 'c', 'no-wait': true } },
    ])
    channel.isOpen = false
    for (const write of channel.after) write()
    expect(channel.written()).toEqual([])
  })

  test('does not say so to a client that does not know it', () => {
    const channel = new Channel()
    channel.capabilities.clear()
    new DeliveryWriter(channel, { tag: 'c', countsDeliveries: false }).cancelled()
    expect(channel.after).toEqual([])
  })
})
