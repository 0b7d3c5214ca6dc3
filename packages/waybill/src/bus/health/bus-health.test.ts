import { expect, test } from 'vitest'
import type { SubscriptionSnapshot } from '../../transport/transport.ts'
import { busHealth, type HealthSources } from './bus-health.ts'

const shipping = {
  service: 'shipping',
  channel: 'orders',
  group: 'shipping',
  state: 'consuming',
  pausedBy: [],
} as const
const standing: SubscriptionSnapshot = { channel: 'orders', group: 'shipping', attached: true, since: 5, lag: 7 }
const sources = (subscriptions: readonly SubscriptionSnapshot[], own: Partial<HealthSources> = {}): HealthSources => ({
  subscriptions: [shipping],
  linked: true,
  blocked: undefined,
  broker: { connected: true, groups: [], subscriptions },
  outboxes: [],
  ...own,
})

test('busHealth() says of a subscription what the broker says of it', () => {
  const { healthy, subscriptions } = busHealth(sources([{ ...standing, group: 'other', lag: 1 }, standing]))
  expect(healthy).toBe(true)
  expect(subscriptions).toEqual([{ ...shipping, attached: true, since: new Date(5), lag: 7 }])
})

test('busHealth() of a subscription that the broker does not count, or know, is not healthy', () => {
  const detached = { ...standing, attached: false, since: undefined }
  for (const known of [[detached], [{ ...standing, channel: 'payments' }], []]) {
    const { healthy, connected, subscriptions } = busHealth(sources(known))
    expect([healthy, connected]).toEqual([false, true])
    expect(subscriptions[0]).toMatchObject({ attached: false, since: undefined })
  }
})

test('busHealth() of a subscription that is stuck, lost or closed is not healthy, whatever the broker counts', () => {
  for (const state of ['stuck', 'lost', 'closed'] as const) {
    const health = busHealth(sources([standing], { subscriptions: [{ ...shipping, state }] }))
    expect([state, health.healthy]).toEqual([state, false])
    expect(health.subscriptions[0]?.attached).toBe(state !== 'closed')
  }
})

test('busHealth() of a broker that holds publishers back and answers nothing goes by what was reported', () => {
  const blocked = 'low on memory'
  expect(busHealth(sources([], { broker: undefined, blocked }))).toMatchObject({
    healthy: true,
    connected: true,
    blocked,
    subscriptions: [{ attached: true, since: undefined, lag: undefined }],
    broker: { connected: false },
  })
  expect(busHealth(sources([], { broker: undefined })).healthy).toBe(false)
  expect(busHealth(sources([], { broker: undefined, blocked, linked: false })).healthy).toBe(false)
})
