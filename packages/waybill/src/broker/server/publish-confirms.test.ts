import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FRAME, FrameScanner } from '../wire/frame-scanner.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import { PublishConfirms } from './publish-confirms.ts'

/** What was written, as 'ack 3' or, for several, 'ack -3'. */
function told(frames: FrameWriter): string[] {
  const said: string[] = []
  const scanner = new FrameScanner(
    {
      suspended: false,
      frame: (type, channel, bytes, start) => {
        expect([type, channel]).toEqual([FRAME.method, 7])
        const method = bytes.readUInt32BE(start) === METHOD.basicAck ? 'ack' : 'nack'
        said.push(`${method} ${bytes[start + 12] === 1 ? '-' : ''}${bytes.readBigUInt64BE(start + 4)}`)
      },
    },
    4_096,
  )
  for (const part of frames.take()) scanner.push(Buffer.from(part))
  return said
}

function setUp(published: number): { readonly frames: FrameWriter; readonly confirms: PublishConfirms } {
  const frames = new FrameWriter()
  const confirms = new PublishConfirms(frames, 7)
  for (let n = 0; n < published; n++) confirms.next()
  return { frames, confirms }
}

describe('PublishConfirms', () => {
  test('acknowledges several in a row at once', () => {
    const { frames, confirms } = setUp(5)
    for (const tag of [1, 2, 3]) confirms.ack(tag)
    expect(told(frames)).toEqual([])
    confirms.flush()
    confirms.flush()
    expect(told(frames)).toEqual(['ack -3'])
    confirms.ack(4)
    confirms.flush()
    expect(told(frames)).toEqual(['ack 4'])
    expect(confirms.pending).toBe(1)
  })

  test('acknowledges what overtakes others by itself', () => {
    const { frames, confirms } = setUp(5)
    confirms.ack(1)
    confirms.ack(3)
    confirms.ack(5)
    confirms.flush()
    expect(told(frames)).toEqual(['ack 1', 'ack 3', 'ack 5'])
    confirms.ack(2)
    confirms.ack(4)
    confirms.flush()
    expect(told(frames)).toEqual(['ack 2', 'ack 4'])
  })

  test('never acknowledges what it has refused among others', () => {
    const { frames, confirms } = setUp(4)
    confirms.nack(2)
    for (const tag of [1, 3, 4]) confirms.ack(tag)
    confirms.flush()
    expect(told(frames)).toEqual(['nack 2', 'ack 1', 'ack -4'])
  })

  test('tells what was accepted before it refuses', () => {
    const { frames, confirms } = setUp(3)
    confirms.ack(1)
    confirms.ack(2)
    confirms.nack(3)
    expect(told(frames)).toEqual(['ack -2', 'nack 3'])
  })

  test('settles every publish exactly once, as it turned out, in whatever order', () => {
    const outcome = fc.record({ order: fc.integer(), refused: fc.boolean(), flush: fc.boolean() })
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 30 }), (outcomes) => {
        const { frames, confirms } = setUp(outcomes.length)
        const settled = new Map<number, string>()
        const hear = (): void => {
          for (const said of told(frames)) {
            const [how = '', number] = said.split(' ')
            const tag = Number(number)
            const tags = tag > 0 ? [tag] : [...Array(-tag).keys()].map((n) => n + 1).filter((n) => !settled.has(n))
            for (const each of tags) {
              expect(settled.has(each)).toBe(false)
              settled.set(each, how)
            }
          }
        }
        const inOrder = outcomes.map((each, at) => ({ ...each, tag: at + 1 })).toSorted((a, b) => a.order - b.order)
        for (const { tag, refused, flush } of inOrder) {
          if (refused) confirms.nack(tag)
          else confirms.ack(tag)
          if (flush) confirms.flush()
          hear()
        }
        confirms.flush()
        hear()
        expect(confirms.pending).toBe(0)
        expect(outcomes.map((_, at) => settled.get(at + 1))).toEqual(
          outcomes.map(({ refused }) => (refused ? 'nack' : 'ack')),
        )
      }),
    )
  })
})
