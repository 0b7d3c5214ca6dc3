import { describe, expect, test } from 'vitest'
import { TypedField, type FieldTable } from '../wire/field-table.ts'
import { readExchangeArguments } from './exchange-arguments.ts'

describe('readExchangeArguments()', () => {
  test('reads what it knows and passes over the rest', () => {
    expect(readExchangeArguments('x', 'topic', { other: '1' }, '/')).toEqual({ type: 'topic' })
    const table = { 'alternate-exchange': 'y', 'x-delayed-type': 'direct' }
    expect(readExchangeArguments('x', 'fanout', table, '/')).toEqual({ type: 'fanout', alternate: 'y' })
    expect(readExchangeArguments('x', 'x-delayed-message', table, '/')).toEqual({
      type: 'x-delayed-message',
      delayedType: 'direct',
      alternate: 'y',
    })
  })

  test.each<[string, string, FieldTable, string]>([
    ['an unknown type', 'odd', {}, "invalid exchange type 'odd' for exchange 'x'"],
    ['an alternate that is no string', 'topic', { 'alternate-exchange': TypedField.number('I', 1) }, "'signedint'"],
    ['a delay of nothing', 'x-delayed-message', {}, "'x-delayed-type' for exchange 'x'"],
    ['a delayed delay', 'x-delayed-message', { 'x-delayed-type': 'x-delayed-message' }, "'x-delayed-type'"],
  ])('refuses %s', (_, type, table, text) => {
    expect(() => readExchangeArguments('x', type, table, '/')).toThrow(
      expect.objectContaining({ replyCode: 406, replyText: expect.stringContaining(text) as string }) as Error,
    )
  })
})
