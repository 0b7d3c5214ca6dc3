import { describe, expect, test } from 'vitest'
import type { Message } from '../message.ts'
import { encodeProperties } from '../wire/properties.ts'
import type { PropertyScan, PublishAddress } from '../wire/publish-scan.ts'
import { shortStrings } from '../wire/short-strings.ts'
import { BodyTooLarge, ContentReceiver } from './content-receiver.ts'
import { headerPayload } from './differential/wire-client.test-support.ts'

const MOST_BYTES = 10_000_000

interface Published {
  readonly address: PublishAddress
  readonly message: Message
  readonly scan: PropertyScan
}

class Sender {
  readonly published: Published[] = []
  /** What a body that is not whole takes. */
  unfinished = 0
  readonly receiver = new ContentReceiver((address, message, scan) => this.published.push({ address, message, scan }), {
    messageBytes: MOST_BYTES,
    changed: (octets) => (this.unfinished += octets),
  })

  method(exchange: string, routingKey: string, bits = 0): void {
    const bytes = Buffer.concat([Buffer.alloc(2), shortStrings(exchange, routingKey), Buffer.of(bits)])
    this.receiver.method(bytes, 0, bytes.length)
    // What lies in a chunk of the socket is gone afterwards.
    bytes.fill(0xee)
  }

  header(size: number, properties: Uint8Array = encodeProperties({})): void {
    const bytes = headerPayload(size, properties)
    this.receiver.header(bytes, 0, bytes.length)
    bytes.fill(0xee)
  }

  body(text: string | Buffer): void {
    const bytes = Buffer.from(text)
    this.receiver.body(bytes, 0, bytes.length)
    bytes.fill(0xee)
  }

  get bodies(): string[] {
    return this.published.map(({ message }) => Buffer.from(message.body).toString())
  }
}

describe('ContentReceiver', () => {
  test('hands over a publish with its last octet, of copies of its own', () => {
    const sender = new Sender()
    const properties = encodeProperties({ deliveryMode: 2, expiration: '5', replyTo: 'r', userId: 'u' })
    sender.method('e', 'k', 1)
    sender.header(7, properties)
    sender.body('one')
    sender.body('')
    expect([sender.published.length, sender.receiver.isOpen]).toEqual([0, true])
    sender.body('more')
    expect(sender.receiver.isOpen).toBe(false)
    expect(sender.published).toMatchObject([
      {
        address: { exchange: 'e', routingKey: 'k', mandatory: true },
        scan: { persistent: true, expiration: '5', replyTo: 'r', userId: 'u' },
      },
    ])
    expect(sender.bodies).toEqual(['onemore'])
    expect(Buffer.from(sender.published[0]?.message.properties ?? []).equals(properties)).toBe(true)
  })

  test('hands over a body of nothing with its header', () => {
    const sender = new Sender()
    sender.method('', 'k')
    sender.header(0)
    expect(sender.bodies).toEqual([''])
  })

  test('tells publishes in a row apart, whatever they share', () => {
    const sender = new Sender()
    for (const [key, id, body] of [
      ['a', '1', 'one'],
      ['a', '1', 'two'],
      ['b', '1', 'three'],
      ['b', '2', 'four'],
      ['a', '1', 'five'],
    ] as const) {
      sender.method('e', key)
      sender.header(body.length, encodeProperties({ messageId: id }))
      sender.body(body)
    }
    expect(sender.bodies).toEqual(['one', 'two', 'three', 'four', 'five'])
    expect(sender.published.map(({ message }) => message.routingKey)).toEqual(['a', 'a', 'b', 'b', 'a'])
    const ids = sender.published.map(({ message }) => Buffer.from(message.properties).toString('latin1').at(-1))
    expect(ids).toEqual(['1', '1', '1', '2', '1'])
  })

  test('puts a large body together, in memory that it has as it comes', () => {
    const sender = new Sender()
    const part = Buffer.alloc(1_000_000, 'x')
    sender.method('', 'k')
    sender.header(5_000_000)
    expect(sender.unfinished).toBe(0)
    sender.body(part)
    expect(sender.unfinished).toBeLessThanOrEqual(2 * part.length)
    for (let n = 1; n < 5; n++) sender.body(part)
    expect(sender.unfinished).toBe(0)
    expect(sender.published[0]?.message.body.length).toBe(5_000_000)
    expect(Buffer.from(sender.published[0]?.message.body ?? []).every((octet) => octet === 0x78)).toBe(true)
  })

  test('gives back what a body takes whose channel ends', () => {
    const sender = new Sender()
    sender.method('', 'k')
    sender.header(3)
    sender.body('on')
    expect(sender.unfinished).toBeGreaterThan(0)
    sender.receiver.close()
    expect([sender.unfinished, sender.receiver.isOpen]).toEqual([0, false])
  })

  test('refuses a body before it comes', () => {
    const sender = new Sender()
    sender.method('', 'k')
    expect(() => sender.header(MOST_BYTES + 1)).toThrow(BodyTooLarge)
    sender.method('', 'k')
    expect(() => sender.header(Number.MAX_SAFE_INTEGER)).toThrow(BodyTooLarge)
  })

  test.each<[string, (sender: Sender) => void]>([
    ['a header first', (sender) => sender.header(0)],
    ['a body first', (sender) => sender.body('x')],
    ['a body behind the method', (sender) => (sender.method('', 'k'), sender.body('x'))],
    ['two headers', (sender) => (sender.method('', 'k'), sender.header(3), sender.header(3))],
    ['too much of a body', (sender) => (sender.method('', 'k'), sender.header(3), sender.body('four'))],
    ['a body behind one of nothing', (sender) => (sender.method('', 'k'), sender.header(0), sender.body(''))],
  ])('refuses %s', (_, send) => {
    expect(() => send(new Sender())).toThrow('UNEXPECTED_FRAME')
  })

  test('refuses immediate', () => {
    expect(() => new Sender().method('', 'k', 2)).toThrow('NOT_IMPLEMENTED')
  })
})
