import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeProblem, encodeProblem } from './problem.ts'

describe('encodeProblem() and decodeProblem()', () => {
  it('give back name, message and code of any error, cut and well-formed', () => {
    const text = fc.string({ unit: 'binary', maxLength: 2_000 })
    fc.assert(
      fc.property(text, fc.option(text, { nil: undefined }), (message, code) => {
        const remote = decodeProblem(encodeProblem(Object.assign(new RangeError(message), { code })).body)
        expect(remote.name).toBe('RangeError')
        expect(remote.message).toBe(message.slice(0, 1_000).toWellFormed())
        expect(remote.code).toBe(code?.slice(0, 128).toWellFormed())
      }),
    )
  })

  it('write a bounded body without the stack, however long the error', () => {
    const error = Object.assign(new Error('é'.repeat(100_000)), { name: 'n'.repeat(10_000), code: 'c'.repeat(10_000) })
    const { body } = encodeProblem(error)
    expect(body.byteLength).toBeLessThan(3_000)
    expect(new TextDecoder().decode(body)).not.toContain('problem.test.ts')
  })

  it('do not read a body beyond 64 KiB', () => {
    const body = new TextEncoder().encode(JSON.stringify({ title: 'T', detail: 'x'.repeat(65_536) }))
    expect(decodeProblem(body)).toEqual({ name: 'Error', message: 'the error reply cannot be read', code: undefined })
  })
})
