import { expect, test } from 'vitest'
import { checkChannel, checkGroup } from './check-topology.ts'
import { channel, group } from './fixtures.test-support.ts'

test.each([0, -1, 1.5, NaN])('checkChannel() refuses %s shards', (shards) => {
  expect(() => checkChannel(channel('events', 'orders', shards))).toThrow('WAYBILL_ORDER_NEEDS_SHARDS')
})

test('checkChannel() refuses more shards, or a longer name, than a broker should bear', () => {
  expect(() => checkChannel(channel('events', 'orders', 1_025))).toThrow('WAYBILL_LIMIT')
  expect(() => checkChannel(channel('events', 'o'.repeat(101)))).toThrow('WAYBILL_LIMIT')
  expect(() => checkChannel(channel('events', 'a:b'))).toThrow(TypeError)
})

test('checkGroup() refuses order that cannot be kept', () => {
  const ordered = { ordered: true }
  expect(() => checkGroup(group(channel('command', 'place'), 'g', ordered))).toThrow('WAYBILL_ORDER_NEEDS_SHARDS')
  expect(() => checkGroup(group(channel('survey', 'offers'), 'g', ordered))).toThrow('WAYBILL_UNSUPPORTED')
  expect(() => checkGroup(group({ ...channel('events', 'old', 2), foreign: 'x' }, 'g', ordered))).toThrow(
    'WAYBILL_UNSUPPORTED',
  )
  expect(() => checkGroup(group(channel('events', 'orders'), 'g', ordered))).not.toThrow()
})

test('checkGroup() refuses a name that would be taken for parts of another', () => {
  expect(() => checkGroup(group(channel('events', 'orders'), 'g:0'))).toThrow(TypeError)
  expect(() => checkGroup(group(channel('events', 'orders'), ''))).toThrow(TypeError)
})
