import { describe, expect, test } from 'vitest'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import { routeFactsIn, type ServerSettings } from './facts.ts'

const ON: ServerSettings = { fsync: 'on', pages: 'on', commit: 'on', standbys: '', delay: 200 }
const events = group(channel('events', 'orders'), 'shipping')

function durability(more: Partial<ServerSettings>) {
  const { accepted, lossWindowMs, copies } = routeFactsIn(events, { ...ON, ...more }, 10_000).durability
  return [accepted, lossWindowMs.value, copies.value]
}

describe('routeFactsIn()', () => {
  test('tells what a commit means from the settings of the server', () => {
    expect(durability({})).toEqual(['synced', 0, 1])
    expect(durability({ commit: 'off' })).toEqual(['memory', 600, 1])
    expect(durability({ fsync: 'off' })).toEqual(['written', Infinity, 1])
    expect(durability({ pages: 'off' })).toEqual(['written', Infinity, 1])
  })

  test('counts the standbys that are waited for', () => {
    expect(durability({ standbys: 'a, b' })).toEqual(['synced', 0, 2])
    expect(durability({ standbys: 'ANY 2 (a, b, c)' })).toEqual(['synced', 0, 3])
    expect(durability({ standbys: '2 (a, b)', commit: 'remote_apply' })).toEqual(['synced', 0, 3])
    expect(durability({ standbys: '2 (a, b)', commit: 'local' })).toEqual(['synced', 0, 1])
  })

  test('a query is for who waits: it goes with the server', () => {
    const query = group(channel('query', 'stock.available'), 'stock')
    expect(routeFactsIn(query, ON, 10_000).durability.accepted).toBe('memory')
  })

  test('an ordered group counts deliveries, as the engine does', () => {
    const ordered = group(channel('events', 'orders', 4), 'shipping', { ordered: true })
    expect(routeFactsIn(ordered, ON, 10_000).countsDeliveries).toBeUndefined()
    expect(routeFactsIn(events, ON, 10_000).countsDeliveries).toBeUndefined()
  })
})
