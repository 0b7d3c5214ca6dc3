import { expect, test } from 'vitest'
import { FRAME, FrameScanner } from './frame-scanner.ts'
import { FrameWriter } from './frame-writer.ts'
import { METHOD } from './methods/method-ids.ts'

function written(frames: FrameWriter): { readonly type: number; readonly payload: Buffer }[] {
  const found: { readonly type: number; readonly payload: Buffer }[] = []
  const scanner = new FrameScanner(
    {
      suspended: false,
      frame: (type, _channel, bytes, start, end) => {
        found.push({ type, payload: Buffer.from(bytes.subarray(start, end)) })
      },
    },
    131_072,
  )
  for (const part of frames.take()) scanner.push(Buffer.from(part))
  return found
}

test('FrameWriter takes a method back that failed before its end', () => {
  const frames = new FrameWriter()
  const begin = (text: string): void => {
    frames.method(1, METHOD.basicCancelOk).shortString(text)
    frames.end()
  }
  begin('first')
  expect(() => begin('x'.repeat(256))).toThrow(RangeError)
  begin('second')
  expect(() => begin('x'.repeat(256))).toThrow(RangeError)
  expect(written(frames).map(({ payload }) => payload.toString('latin1', 5))).toEqual(['first', 'second'])
})

test('FrameWriter hands large bodies over as they are, in their order', () => {
  const frames = new FrameWriter()
  const bodies = [10, 16_384, 131_064, 131_065, 400_000].map((octets) => Buffer.alloc(octets, octets % 256))
  for (const body of bodies) frames.content(1, Buffer.of(0, 0), body, 131_072)
  const { length } = frames
  const parts = frames.take()
  expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(length)
  expect(parts).toContain(bodies[1])
  expect([frames.length, frames.take()]).toEqual([0, []])
})

test('FrameWriter splits a body into frames of what was agreed', () => {
  const frames = new FrameWriter()
  frames.content(1, Buffer.of(0, 0), Buffer.alloc(10_000), 4_096)
  const [header, ...bodies] = written(frames)
  expect(header?.type).toBe(FRAME.header)
  expect(bodies.map(({ payload }) => payload.length)).toEqual([4_088, 4_088, 1_824])
})
