import { expect, test } from 'vitest'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import { isGroupsAlone, isOrdered, Names, shardsOf } from './names.ts'

const names = new Names('waybill')
const slotOf = (key: string): string | undefined => /\{([^}]*)\}/.exec(key)?.[1]

test('all keys of a channel are in one slot', () => {
  const orders = channel('events', 'orders', 3)
  // A group's name may hold anything but a colon.
  const of = group(orders, 'a{b}c')
  const keys = [names.bell(orders), names.deadLetters(of), ...names.streams(of)]
  expect(names.streams(of)).toHaveLength(4)
  expect(new Set(keys.map(slotOf))).toEqual(new Set(['orders']))
})

test('a foreign stream, and what belongs to it, are in one slot, apart from a channel of its name', () => {
  for (const foreign of ['orders', '{shop}.orders', 'a.b']) {
    const of = { ...channel('document', 'x'), foreign }
    expect(names.stream(of, 0)).toBe(foreign)
    expect(slotOf(names.base(of))).toBe(slotOf(foreign) ?? foreign)
  }
  expect(names.base({ ...channel('document', 'x'), foreign: 'orders' })).not.toBe(
    names.base(channel('events', 'orders')),
  )
})

test('isAddress() takes addresses of replies alone', () => {
  const replies = channel('reply', 'shop')
  expect([names.base(replies), names.here(replies, 'id')].map((each) => names.isAddress(each))).toEqual([true, true])
  const others = ['', 'other', 'waybill:{orders}', 'waybill:{orders}:0', 'other:{shop+replies}', names.bell(replies)]
  expect(others.map((each) => names.isAddress(each))).toEqual(others.map(() => false))
  expect([names.base(replies), names.here(replies, 'id')].map((each) => names.isHere(each))).toEqual([false, true])
})

test("what has one recipient is its group's alone, and ordered when it has shards; replies are never spread", () => {
  expect(isOrdered(group(channel('command', 'c', 2), 'g'))).toBe(true)
  expect(isOrdered(group(channel('events', 'e', 2), 'g'))).toBe(false)
  expect(isGroupsAlone(channel('command', 'c'))).toBe(true)
  expect(isGroupsAlone({ ...channel('document', 'd'), foreign: 'theirs' })).toBe(false)
  expect(isGroupsAlone(channel('survey', 's'))).toBe(false)
  expect(shardsOf(channel('reply', 'r', 4))).toBe(1)
})
