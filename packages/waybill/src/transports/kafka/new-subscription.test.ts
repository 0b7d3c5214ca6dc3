import { expect, test } from 'vitest'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import { newSubscription } from './new-subscription.ts'
import type { SubscriptionContext } from './subscription-context.ts'

const orders = group(channel('events', 'orders', 2), 'screen')
const place = group(channel('command', 'orders.place'), 'shop')

test.each<[string, SubscriptionSpec]>([
  ['names no shard', { group: orders, transient: true, prefetch: 1, shards: [] }],
  ['names shards 0.5 of 2', { group: orders, transient: true, prefetch: 1, shards: [0.5] }],
  ['names shards 2 of 2', { group: orders, transient: true, prefetch: 1, shards: [2] }],
  ['names its shards', { group: orders, transient: false, prefetch: 1, shards: [0] }],
  ['starts in the past', { group: place, transient: false, prefetch: 1, start: { time: 0 } }],
])('what Kafka cannot do is refused, not left out: %s', (why, spec) => {
  const refused = (): unknown =>
    newSubscription(
      spec,
      {} as SubscriptionContext, // it is refused before it is used
      () => undefined,
      () => undefined,
      () => 1,
    )
  expect(refused).toThrow(why)
})
