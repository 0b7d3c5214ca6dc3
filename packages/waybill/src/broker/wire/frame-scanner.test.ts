import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FRAME, FRAME_END, FrameScanner, type FrameHandler } from './frame-scanner.ts'

interface Seen {
  readonly type: number
  readonly channel: number
  readonly payload: string
}

class Collector implements FrameHandler {
  readonly seen: Seen[] = []
  suspended = false
  /** Suspends itself after each frame. */
  stopEach = false

  frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void {
    this.seen.push({ type, channel, payload: bytes.toString('hex', start, end) })
    if (this.stopEach) this.suspended = true
  }
}

function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.of(FRAME_END)])
}

const frames = fc.array(
  fc.record({
    type: fc.constantFrom(1, 2, 3, 8),
    channel: fc.integer({ min: 0, max: 0xffff }),
    payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 600, maxLength: 900 })),
  }),
  { maxLength: 12 },
)

describe('FrameScanner', () => {
  test('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
        fc.boolean(),
        (given, cuts, stop) => {
          const stream = Buffer.concat(given.map(({ type, channel, payload }) => frame(type, channel, payload)))
          const collector = new Collector()
          collector.stopEach = stop
          const scanner = new FrameScanner(collector, 4_096)
          for (let at = 0, cut = 0; at < stream.length; cut++) {
            const size = cuts[cut % cuts.length] ?? 1
            // A copy that is overwritten afterwards: nothing of a chunk may be needed later unless the scanner was suspended.
            const chunk = Buffer.from(stream.subarray(at, at + size))
            scanner.push(chunk)
            if (!stop) chunk.fill(0)
            at += size
            while (collector.suspended) {
              collector.suspended = false
              scanner.resume()
            }
          }
          expect(collector.seen).toEqual(
            given.map(({ type, channel, payload }) => ({
              type,
              channel,
              payload: Buffer.from(payload).toString('hex'),
            })),
          )
        },
      ),
    )
  })

  test('hands over nothing while it is suspended', () => {
    const collector = new Collector()
    const scanner = new FrameScanner(collector, 4_096)
    collector.suspended = true
    scanner.push(frame(FRAME.heartbeat, 0, Buffer.alloc(0)))
    expect(collector.seen).toEqual([])
    collector.suspended = false
    scanner.resume()
    expect(collector.seen).toHaveLength(1)
  })

  test('refuses a frame that is larger than agreed before its payload has arrived', () => {
    const scanner = new FrameScanner(new Collector(), 4_096)
    const head = frame(FRAME.body, 1, Buffer.alloc(4_097)).subarray(0, 8)
    expect(() => scanner.push(head)).toThrow('FRAME_ERROR')
  })

  test.each([0, 5])('refuses a frame without its end octet, %i octets at first', (first) => {
    const bad = frame(FRAME.method, 1, Buffer.alloc(10))
    bad[bad.length - 1] = 0
    const scanner = new FrameScanner(new Collector(), 4_096)
    expect(() => {
      scanner.push(bad.subarray(0, first))
      scanner.push(bad.subarray(first))
    }).toThrow('FRAME_ERROR - a frame does not end with its end octet')
  })
})

describe('a suspended FrameScanner', () => {
  const beat = frame(FRAME.heartbeat, 0, Buffer.alloc(0))
  const body = frame(FRAME.body, 1, Buffer.from('body'))

  test('hands over nothing, whether a frame has begun or not, and forgets nothing', () => {
    const collector = new Collector()
    const scanner = new FrameScanner(collector, 4_096)
    scanner.push(body.subarray(0, 3))
    collector.suspended = true
    scanner.push(body.subarray(3))
    scanner.push(beat)
    expect(collector.seen).toEqual([])
    collector.suspended = false
    scanner.resume()
    expect(collector.seen.map(({ type }) => type)).toEqual([FRAME.body, FRAME.heartbeat])
  })

  test('goes on in order where resume() is called while it hands over', () => {
    const seen: number[] = []
    const handler: FrameHandler = {
      suspended: false,
      frame: (_type, channel) => {
        seen.push(channel)
        scanner.resume()
        scanner.push(frame(FRAME.body, channel + 10, Buffer.alloc(0)).subarray(0, seen.length < 3 ? undefined : 0))
      },
    }
    const scanner = new FrameScanner(handler, 4_096)
    scanner.push(Buffer.concat([frame(FRAME.body, 1, Buffer.alloc(0)), frame(FRAME.body, 2, Buffer.alloc(0))]))
    expect(seen).toEqual([1, 2, 11, 12])
  })

  test('goes on with the next frame where the handler threw', () => {
    const seen: number[] = []
    const scanner = new FrameScanner(
      {
        suspended: false,
        frame: (_type, channel) => {
          seen.push(channel)
          if (channel === 1) throw new Error('no')
        },
      },
      4_096,
    )
    expect(() => scanner.push(frame(FRAME.body, 1, Buffer.alloc(0)))).toThrow('no')
    scanner.push(frame(FRAME.body, 2, Buffer.alloc(0)))
    expect(seen).toEqual([1, 2])
  })

  test('passes over what comes behind a frame without its end', () => {
    const collector = new Collector()
    const scanner = new FrameScanner(collector, 4_096)
    const bad = Buffer.from(body)
    bad[bad.length - 1] = 0
    expect(() => scanner.push(Buffer.concat([bad, beat]))).toThrow('FRAME_ERROR')
    scanner.push(beat)
    expect(collector.seen).toEqual([])
  })
})
