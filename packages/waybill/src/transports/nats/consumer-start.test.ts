import type { StreamInfo } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import type { StartPosition } from '../../transport/transport.ts'
import { consumerStart } from './consumer-start.ts'

/** A stream that has the sequences from `first` to `last`. */
function stream(first: number, last: number): StreamInfo {
  return { config: { name: 'orders' }, state: { first_seq: first, last_seq: last } } as unknown as StreamInfo // all that is read
}

const from = (sequence: number) => ({ deliver_policy: 'by_start_sequence', opt_start_seq: sequence })

test.each<[string, StartPosition, number | undefined, object]>([
  ['now', 'now', undefined, from(21)],
  ['earliest', 'earliest', undefined, { deliver_policy: 'all' }],
  ['a time', { time: Date.UTC(2026, 0, 1) }, 0, { deliver_policy: 'by_start_time', opt_start_time: '2026-01-01T00:00:00.000Z' }], // prettier-ignore
  ['a position', { positions: { 0: '12' } }, 0, from(13)],
  ['the last position', { positions: { 0: '20' } }, 0, from(21)],
  ['the position before the first that is kept', { positions: { 0: '9' } }, 0, from(10)],
  ['positions of several shards, for one', { positions: { 0: '12', 1: '15' } }, 1, from(16)],
  ['positions of several shards, for all', { positions: { 0: '12', 1: '15' } }, undefined, from(13)],
  ['a shard that has no position', { positions: { 0: '12', 1: '15' } }, 2, from(13)],
  ['no position at all', { positions: {} }, 0, { deliver_policy: 'all' }],
])('consumerStart() at %s', (_, start, shard, expected) => {
  expect(consumerStart(start, shard, stream(10, 20))).toEqual(expected)
})

test.each(['8', '21'])('a position that is not there is an error: %s', (position) => {
  expect(() => consumerStart({ positions: { 0: position } }, 0, stream(10, 20))).toThrow(/WAYBILL_POSITION_GONE/)
})

test("another engine's position is a mistake", () => {
  expect(() => consumerStart({ positions: { 0: '0:17' } }, 0, stream(10, 20))).toThrow(TypeError)
})
