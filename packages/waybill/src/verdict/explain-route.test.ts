import { expect, test } from 'vitest'
import { foreign } from '../contract/foreign.ts'
import { explainRoute } from './explain-route.ts'
import {
  assumed,
  bare,
  facts,
  read,
  route,
  shop,
  told,
  type FactChanges,
  type RouteChanges,
} from './facts.test-support.ts'
import type { RouteVerdict } from './route-verdict.ts'

const verdict = (asked: RouteChanges = {}, given: FactChanges = {}): RouteVerdict =>
  explainRoute(route(asked), facts(given))

test('explainRoute() states everything of a route, and JSON keeps all of it', () => {
  const all = verdict(
    { ordered: true },
    { limits: { redeliveredWithinMs: told(40_000), settleWithinMs: assumed(1_800_000) } },
  )
  expect(all).toEqual({
    statement:
      'shop.paid → till: at least once, no loss window, ordered per key, 5 attempts over 1.8 to 3.5 s, then dead letter; fencing: token',
    message: 'shop.paid',
    kind: 'event',
    channel: 'shop',
    service: 'till',
    group: 'till',
    delivery: { guarantee: 'at-least-once', why: 'a message is acknowledged after its handler has returned' },
    loss: { window: 'none', upToMs: null, source: 'read' },
    copies: { value: 3, source: 'read' },
    order: { kept: 'per-key', shards: 4, by: 'native' },
    retry: { attempts: 5, waitsMs: { least: 1_750, most: 3_500 }, by: 'native', lastResort: 'dead-letter' },
    timeoutMs: 30_000,
    fencing: 'token',
    expiry: 'native',
    unknown: { types: 'dead-letter', versions: 'dead-letter' },
    redelivery: 'marked',
    poisonAfter: 20,
    redeliveredWithinMs: { value: 40_000, source: 'told' },
    retention: { ms: { value: null, source: 'read' }, bytes: { value: null, source: 'read' } },
    limits: {
      deliveries: { value: null, source: 'read' },
      settleWithinMs: { value: 1_800_000, source: 'assumed' },
      delayMs: { value: null, source: 'read' },
      messageBytes: { value: 1_000, source: 'read' },
    },
    problems: [],
    notes: [
      'what a crashed member held comes again within 40 s (told)',
      'assumed of perfect: it takes back what is not settled within 30 min',
    ],
  } satisfies RouteVerdict)
  expect(JSON.parse(JSON.stringify(all))).toEqual(all)
})

const DAY = 86_400_000
const inbox = { rememberedMs: 30 * DAY, deadLetterLifeMs: 14 * DAY, byBusinessKey: false }
const dead = { lastResort: 'dead-letter' }
test.each<[string, RouteChanges, FactChanges, object]>([
  ['an unordered route', {}, {}, { order: { kept: 'none', shards: 4, by: 'native' }, fencing: 'none' }],
  ['order that is supplied', { ordered: true }, { capabilities: { ordered: 'supplied' } }, { order: { kept: 'per-key', shards: 4, by: 'supplied' } }],
  ['an engine without tokens', { ordered: true }, { capabilities: { fencing: 'refused' } }, { fencing: 'none' }],
  ['another group', { group: 'audit' }, {}, { group: 'audit', service: 'till' }],
  ['written', {}, { durability: { accepted: 'written', lossWindowMs: told(5_000) } }, { loss: { window: 'power-loss', upToMs: { value: 5_000, source: 'told' }, source: 'read' } }],
  ['written, nobody knows when synced', {}, { durability: { accepted: 'written', lossWindowMs: assumed(Infinity), source: 'assumed' } }, { loss: { window: 'power-loss', upToMs: { value: null, source: 'assumed' }, source: 'assumed' } }],
  ['memory', {}, { durability: { accepted: 'memory' } }, { loss: { window: 'server-death', upToMs: null, source: 'read' } }],
  ['one try', { retry: { attempts: 1 } }, {}, { retry: { attempts: 1, waitsMs: { least: 0, most: 0 }, by: 'native', ...dead } }],
  ['no jitter', { retry: { attempts: 4, jitter: false, base: '1s' } }, {}, { retry: { attempts: 4, waitsMs: { least: 3_000, most: 3_000 }, by: 'native', ...dead } }],
  ['delays that are supplied', {}, { capabilities: { delayedRetry: 'supplied' } }, { retry: { attempts: 5, waitsMs: { least: 1_750, most: 3_500 }, by: 'supplied', ...dead } }],
  ['a time-out', { timeoutMs: 5 }, {}, { timeoutMs: 5 }],
  ['expiry', {}, { capabilities: { expiry: 'supplied' } }, { expiry: 'supplied' }],
  ['unknown types skipped', { skipUnknownTypes: true }, {}, { unknown: { types: 'skip', versions: 'dead-letter' } }],
  ['unknown versions skipped', { skipUnknownVersions: true }, {}, { unknown: { types: 'dead-letter', versions: 'skip' } }],
  ['a bound for poison', { maxDeliveries: 3 }, {}, { poisonAfter: 3 }],
  ['deliveries that nobody counts', {}, { capabilities: { deliveryCount: 'refused' } }, { poisonAfter: null, redelivery: 'unmarked' }],
  ['a group whose deliveries nobody counts', {}, { countsDeliveries: false }, { poisonAfter: null, redelivery: 'unmarked' }],
  ['a group whose deliveries are counted, though others are not', {}, { countsDeliveries: true, capabilities: { deliveryCount: 'refused' } }, { poisonAfter: 20, redelivery: 'marked' }],
  ['retention', {}, { limits: { retentionMs: read(604_800_000), retentionBytes: told(1e9) } }, { retention: { ms: { value: 604_800_000, source: 'read' }, bytes: { value: 1e9, source: 'told' } } }],
  ['limits', {}, { maxDelayMs: told(1e9), limits: { deliveryLimit: told(50) } }, { limits: { deliveries: { value: 50, source: 'told' }, settleWithinMs: { value: null, source: 'read' }, delayMs: { value: 1e9, source: 'told' }, messageBytes: { value: 1_000, source: 'read' } } }],
  ['nothing known of redelivery', {}, {}, { redeliveredWithinMs: null }],
  ['an event that is not stored', { message: shop.ticked, transient: true, group: 'till.signals' }, {}, { delivery: { guarantee: 'at-most-once', why: 'it is not stored' }, loss: { window: 'absence-or-slowness', upToMs: null, source: 'told' }, redelivery: 'none', order: { kept: 'none', shards: 1, by: 'native' } }],
  ['a broadcast', { transient: true, group: 'till.broadcast' }, { limits: { redeliveredWithinMs: read(5) } }, { delivery: { guarantee: 'at-most-once', why: 'nothing is kept for an instance that is away' }, loss: { window: 'absence', upToMs: null, source: 'told' }, copies: { value: 1, source: 'assumed' }, redelivery: 'none', redeliveredWithinMs: null, retry: { attempts: 5, waitsMs: { least: 1_750, most: 3_500 }, by: 'native', lastResort: 'dropped' }, unknown: { types: 'dropped', versions: 'dropped' } }],
  ['a query', { role: 'answer', message: shop.price }, {}, { kind: 'query', channel: 'shop.price', retry: { attempts: 5, waitsMs: { least: 1_750, most: 3_500 }, by: 'native', lastResort: 'asker-told' } }],
  ['a survey', { role: 'answer', message: shop.offers }, {}, { retry: { attempts: 1, waitsMs: { least: 0, most: 0 }, by: 'native', lastResort: 'asker-told' } }],
  ['a question on an engine that hands out once', { role: 'answer', message: shop.price }, { limits: { deliveryLimit: read(1) } }, { delivery: { guarantee: 'at-most-once', why: 'the engine hands a message out once' }, redelivery: 'none', problems: [] }],
  ['a reply handler', { role: 'reply', message: shop.price }, {}, { kind: 'reply', message: 'shop.price', retry: { attempts: 5, waitsMs: { least: 1_750, most: 3_500 }, by: 'native', ...dead } }],
  ['a foreign channel', { message: bare }, {}, { channel: 'legacy' }],
  ['a transaction and an inbox', { inbox }, {}, { delivery: { guarantee: 'effectively-once', why: 'what the handler writes and sends commits with the note that it was handled', rememberedMs: 30 * DAY } }],
  ['a broadcast in a transaction', { inbox, transient: true, group: 'till.broadcast' }, {}, { delivery: { guarantee: 'at-most-once' } }],
  ['a foreign channel in a transaction', { inbox, message: bare }, {}, { delivery: { guarantee: 'at-least-once', why: "ordinary clients' messages may have no id that the inbox could know again" } }],
  ['a foreign channel in a transaction, with a key of the business', { inbox: { ...inbox, byBusinessKey: true }, message: bare }, {}, { delivery: { guarantee: 'effectively-once' } }],
])('explainRoute() of %s', (_, asked, given, expected) => {
  expect(verdict(asked, given)).toMatchObject(expected)
}) // prettier-ignore

test.each<[RouteChanges, FactChanges, string]>([
  [{}, {}, 'shop.paid → till: at least once, no loss window, no order, 5 attempts over 1.8 to 3.5 s, then dead letter'],
  [{ group: 'audit', retry: { attempts: 1 } }, {}, 'shop.paid → till (group audit): at least once, no loss window, no order, 1 attempt, then dead letter'],
  [{ inbox }, {}, 'shop.paid → till: effectively once, no loss window, no order, 5 attempts over 1.8 to 3.5 s, then dead letter'],
  [{ retry: { attempts: 2 } }, {}, 'shop.paid → till: at least once, no loss window, no order, 2 attempts at once, then dead letter'],
  [{ retry: { attempts: 6, base: '3m', max: '3m', immediate: 2, jitter: false }, ordered: true }, {}, 'shop.paid → till: at least once, no loss window, ordered per key, 6 attempts over 9 min, then dead letter; fencing: token'],
  [{ ordered: true }, { capabilities: { fencing: 'refused' }, durability: { accepted: 'written', lossWindowMs: told(120_000) } }, 'shop.paid → till: at least once, up to 2 min lost on power loss, ordered per key, 5 attempts over 1.8 to 3.5 s, then dead letter; fencing: none'],
  [{}, { durability: { source: 'assumed' } }, 'shop.paid → till: at least once, no loss window (assumed), no order, 5 attempts over 1.8 to 3.5 s, then dead letter'],
  [{}, { durability: { accepted: 'written', lossWindowMs: told(Infinity), source: 'assumed' } }, 'shop.paid → till: at least once, the newest lost on power loss (assumed), no order, 5 attempts over 1.8 to 3.5 s, then dead letter'],
  [{}, { durability: { accepted: 'written', lossWindowMs: told(Infinity) } }, 'shop.paid → till: at least once, the newest lost on power loss, no order, 5 attempts over 1.8 to 3.5 s, then dead letter'],
  [{ message: shop.ticked, transient: true, group: 'till.signals' }, {}, 'shop.ticked → each till: at most once, nothing kept while away or too slow, no order, 5 attempts over 1.8 to 3.5 s, then dropped'],
  [{ transient: true, group: 'till.broadcast' }, {}, 'shop.paid → each till: at most once, nothing kept while away, no order, 5 attempts over 1.8 to 3.5 s, then dropped'],
  [{ role: 'answer', message: shop.price }, { durability: { accepted: 'memory' } }, 'shop.price → till: at least once, all lost with the server, no order, 1 attempt, then the asker is told'],
  [{ role: 'reply', message: shop.price, retry: { attempts: 1 } }, {}, 'reply to shop.price → till: at least once, no loss window, no order, 1 attempt, then dead letter'],
])('explainRoute() in one line: %o on %o', (asked, given, statement) => {
  expect(verdict(asked, given).statement).toBe(statement)
}) // prettier-ignore

test.each<[RouteChanges, FactChanges, string]>([
  [{ ordered: true, message: shop.counted }, {}, 'its contract has no key: what is sent without one shares a single shard'],
  [{ ordered: true }, { capabilities: { fencing: 'refused' } }, 'a stalled former owner of a shard may still be executing: nothing refuses its writes'],
  [{ ordered: true }, { limits: { settleWithinMs: told(900_000) } }, '32 messages of one key, at 30 s each, would outlast the 15 min in which they must be settled'],
  [{ role: 'answer', message: shop.price }, {}, 'asked with requestAsync: 5 attempts over 1.8 to 3.5 s'],
  [{ message: shop.charge }, {}, 'a requester who waits is told of the first failure, and decides about trying again'],
  [{}, { capabilities: { deliveryCount: 'refused' } }, 'nobody counts deliveries: a message that kills its process comes again without end'],
  [{}, { capabilities: { deliveryCount: 'refused' } }, 'a second delivery is not marked: tell it by its id'],
  [{ message: bare }, {}, 'the channel is not ours: its settings are nowhere told'],
  [{}, { durability: { accepted: 'written' } }, 'to lose them, all 3 servers must lose power'],
  [{}, { limits: { retentionMs: read(604_800_000) } }, 'dropped after 7 d, handled or not (read)'],
  [{}, { limits: { retentionBytes: told(5_000) } }, 'the oldest are dropped beyond 5000 bytes, handled or not (told)'],
  [{}, { limits: { redeliveredWithinMs: assumed(45_000) } }, 'what a crashed member held comes again within 45 s (assumed)'],
  [{}, { limits: { redeliveredWithinMs: told(Infinity) } }, 'what a member held that vanished without a word may never come again'],
  [{}, { limits: { deliveryLimit: assumed(500) } }, 'assumed of perfect: it gives up after 500 deliveries'],
])('explainRoute() notes: %o on %o', (asked, given, note) => {
  expect(verdict(asked, given).notes).toContain(note)
  expect(verdict().notes).toEqual([])
  expect(verdict({}, { limits: { redeliveredWithinMs: told(30_000) } }).notes).toEqual([])
}) // prettier-ignore

test.each<[string, RouteChanges, FactChanges]>([
  ['a survey, which is asked once', { role: 'answer', message: shop.offers }, {}],
  ['a question that is tried once', { role: 'answer', message: shop.price, retry: { attempts: 1 } }, {}],
  ['a single copy', {}, { durability: { accepted: 'written', copies: told(1) } }],
  ['order by keys, with tokens', { ordered: true }, { limits: { settleWithinMs: told(960_000) } }],
  ['many messages without order', {}, { limits: { settleWithinMs: told(900_000) } }],
  ['a command without a reply', { message: shop.pay }, {}],
  ['the reply to a command', { role: 'reply', message: shop.charge }, {}],
  ['events of ordinary clients, whose queue is ours', { message: foreign(shop.counted, { channel: 'legacy' }) }, {}],
  ['an engine assumed to hand out once', { role: 'answer', message: shop.price, retry: { attempts: 1 } }, { limits: { deliveryLimit: assumed(1) } }],
  ['limits that are told', {}, { limits: { settleWithinMs: told(1e9), deliveryLimit: told(1e9) } }],
  ['limits that are assumed not to be', {}, { limits: { settleWithinMs: assumed(Infinity), deliveryLimit: assumed(Infinity) } }],
  ['what a question does not care about', { role: 'answer', message: shop.price, retry: { attempts: 1 } }, { limits: { retentionMs: read(5), retentionBytes: read(5), redeliveredWithinMs: assumed(1) } }],
])('explainRoute() notes nothing of %s', (_, asked, given) => {
  expect(verdict(asked, given).notes).toEqual([])
}) // prettier-ignore

test('explainRoute() says what may hold a handler back', () => {
  const restraints = {
    breaker: 'bank',
    rate: { limit: 5, perMs: 1_000, isPerKey: true },
    bulkhead: 3,
    batch: 100,
  }
  const { notes } = verdict({ restraints }, { limits: { retentionMs: told(86_400_000) } })
  expect(notes).toEqual(
    expect.arrayContaining([
      'paused while the circuit bank is open: what waits then is no attempt, and waits as long as that takes',
      'what is paused for longer than the engine keeps it is dropped',
      'each instance begins at most 5 in 1 s for each key',
      'at most 3 at a time on each instance, whatever the concurrency',
      'handled in batches of up to 100; what fails comes again in another',
    ]),
  )
  expect(verdict({ restraints: { rate: { ...restraints.rate, isPerKey: false } } }).notes).toEqual([
    'each instance begins at most 5 in 1 s',
  ])
})
