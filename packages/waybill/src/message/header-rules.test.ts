import { describe, expect, it } from 'vitest'
import {
  checkedHeaders,
  MAX_HEADER_BYTES,
  MAX_HEADER_NAME_LENGTH,
  MAX_HEADERS,
  MAX_HEADERS_BYTES,
} from './header-rules.ts'

const many = (count: number, size: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`, 'x'.repeat(size)]))

describe('checkedHeaders()', () => {
  it('gives back a copy', () => {
    const mine = { 'X-Tenant': 'a', 'unicode': 'grüß 💥', 'empty': '' } // prettier-ignore
    const checked = checkedHeaders(mine)
    expect(checked).toEqual(mine)
    expect(checked).not.toBe(mine)
  })

  it.each(['', 'a b', 'ä', 'a:b', 'a\n', 'a(b)', 'n'.repeat(MAX_HEADER_NAME_LENGTH + 1)])(
    'refuses the name %j',
    (name) => {
      expect(() => checkedHeaders({ [name]: 'x' })).toThrow(/cannot name a header/)
    },
  )

  it.each([
    'waybill-kind',
    'Waybill-Own',
    'ce-id',
    'ce_id',
    'cloudEvents_id',
    'CC',
    'BCC',
    'x-death',
    'x-delivery-count',
  ])('refuses the name %s, which means something else', (name) => {
    expect(() => checkedHeaders({ [name]: 'x' })).toThrow(TypeError)
  })

  it.each(['cc', 'waybill', 'ceiling', 'x-deadline', 'constructor', 'toString'])('allows the name %s', (name) => {
    expect(checkedHeaders({ [name]: 'x' })).toEqual({ [name]: 'x' })
  })

  it('refuses the name __proto__', () => {
    expect(() => checkedHeaders(JSON.parse('{"__proto__":"x"}') as Record<string, string>)).toThrow(TypeError)
  })

  it('refuses values that are no text, or no Unicode', () => {
    expect(() => checkedHeaders({ n: 1 as unknown as string })).toThrow(/must be text, not number/)
    expect(() => checkedHeaders({ half: '\ud800' })).toThrow(/surrogate/)
  })

  it('counts bytes, not characters', () => {
    expect(checkedHeaders({ a: 'x'.repeat(MAX_HEADER_BYTES) })).toBeDefined()
    const tooLarge = expect.objectContaining({ code: 'WAYBILL_TOO_LARGE' }) as Error
    expect(() => checkedHeaders({ a: 'ü'.repeat(MAX_HEADER_BYTES / 2 + 1) })).toThrow(tooLarge)
  })

  it('bounds their number and their size together', () => {
    expect(Object.keys(checkedHeaders(many(MAX_HEADERS, 1)))).toHaveLength(MAX_HEADERS)
    expect(() => checkedHeaders(many(MAX_HEADERS + 1, 1))).toThrow(/more than 64 headers/)
    expect(() => checkedHeaders(many(9, MAX_HEADERS_BYTES / 8 - 8))).toThrow(/65536 bytes together/)
  })
})
