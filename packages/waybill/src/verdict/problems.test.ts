import { expect, test } from 'vitest'
import {
  assumed,
  facts,
  kept,
  read,
  route,
  shop,
  told,
  type FactChanges,
  type RouteChanges,
} from './facts.test-support.ts'
import { problemsOf } from './problems.ts'

const problems = (asked: RouteChanges, given: FactChanges) => problemsOf(route(asked), facts(given))
const HOUR = 3_600_000
const limits = (limit: NonNullable<FactChanges['limits']>): FactChanges => ({ limits: limit })
const without = (capability: keyof NonNullable<FactChanges['capabilities']>): FactChanges => ({
  capabilities: { [capability]: 'refused' },
})

test.each<[string, RouteChanges, FactChanges]>([
  ['WAYBILL_UNSUPPORTED: till on shop.paid wants order, which perfect cannot', { ordered: true }, without('ordered')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid wants its messages kept while it is away, which perfect cannot', {}, without('durableGroups')],
  ['WAYBILL_UNSUPPORTED: till on shop.ticked is of an event that is not stored, which perfect cannot', { message: shop.ticked, transient: true }, without('signals')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid is a broadcast, which perfect cannot', { transient: true }, without('transientSubscriptions')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid is a broadcast that begins in the past, which perfect cannot', { transient: true, start: 'earliest' }, without('replay')],
  ['WAYBILL_UNSUPPORTED: till on kept.seen keeps its events for 7 d, to be read again, which perfect cannot', { message: kept.seen }, without('replay')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid is a broadcast and ordered: its retries have no lane to wait in', { transient: true, ordered: true }, {}],
  ['WAYBILL_UNSUPPORTED: till on shop.paid begins at the earliest message, which perfect cannot', { start: 'earliest' }, without('startEarliest')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid begins at a time, which perfect cannot', { start: { time: 5 } }, without('startAtTime')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid begins at positions, which perfect cannot', { start: { positions: { 0: 'a' } } }, without('startEarliest')],
  ['WAYBILL_UNSUPPORTED: till on shop.paid retries after up to 2 s, and perfect cannot delay a message', {}, without('delayedRetry')],
  ['WAYBILL_LIMIT: till on shop.paid retries after up to 2 s; perfect can delay a message by 1.5 s (read)', {}, { maxDelayMs: read(1_500) }],
  ['WAYBILL_LIMIT: till on shop.paid may need 20 deliveries of a message; perfect gives up on it after 20 (told)', {}, limits({ deliveryLimit: told(20) })],
  ['WAYBILL_LIMIT: till on shop.paid may need 30 deliveries of a message; perfect gives up on it after 30 (assumed)', { retry: { attempts: 30 } }, limits({ deliveryLimit: assumed(30) })],
  ['WAYBILL_LIMIT: till on shop.paid may take 30 s; perfect takes back what is not settled within 30 s (assumed)', {}, limits({ settleWithinMs: assumed(30_000) })],
  ['WAYBILL_LIMIT: till on shop.paid may try a message for 2.6 min; perfect drops it after 2.6 min (told)', {}, limits({ retentionMs: told(153_500) })],
  ['WAYBILL_INBOX_TOO_SHORT: till on shop.paid may see a message again after 2 h, 2 h among the dead letters included; its inbox forgets it after 2 h', { inbox: { rememberedMs: 2 * HOUR, deadLetterLifeMs: 2 * HOUR, byBusinessKey: false } }, {}],
  ['WAYBILL_INBOX_TOO_SHORT: till on shop.price may see a message again after 2.6 min; its inbox forgets it after 1 min', { role: 'answer', message: shop.price, inbox: { rememberedMs: 60_000, deadLetterLifeMs: 2 * HOUR, byBusinessKey: false } }, {}],
  ['WAYBILL_LIMIT: till on shop.paid may try a message for 2.6 min; perfect drops it after 2 min (read)', {}, limits({ retentionMs: read(120_000) })],
])('problemsOf() refuses: %s', (text, asked, given) => {
  const [code, what] = text.split(/: (.*)/)
  const [first, ...others] = problems(asked, given)
  expect(first).toMatchObject({ level: 'refused', code, what })
  expect(first?.cure).toMatch(/^[A-Z].*\.$/)
  expect(others.filter(({ level }) => level === 'refused')).toEqual([])
}) // prettier-ignore

test.each<[string, RouteChanges, FactChanges]>([
  ['may need 20 deliveries of a message; perfect gives up on it after 24 (assumed)', {}, limits({ deliveryLimit: assumed(24) })],
  ['may hold a delivery for 50 s, its wait for a slot included; perfect takes back what is not settled within 40 s (told)', { prefetch: 17 }, limits({ settleWithinMs: told(40_000) })],
  ['may hold a delivery for 60 s, its wait for a slot included; perfect takes back what is not settled within 59 s (told)', {}, limits({ settleWithinMs: told(59_000) })],
  ['may hold a delivery for 1 min, its wait for a slot included; perfect takes back what is not settled within 70 s (assumed)', {}, limits({ settleWithinMs: assumed(70_000) })],
  ['may try a message for 2.6 min; perfect drops it after 3 min (assumed)', {}, limits({ retentionMs: assumed(180_000) })],
  ['perfect keeps messages in memory alone; the death of the server loses them', {}, { durability: { accepted: 'memory' } }],
  ['perfect drops what it has kept, handled or not, beyond 5000 bytes (read)', {}, limits({ retentionBytes: read(5_000) })],
])('problemsOf() warns: %s', (text, asked, given) => {
  const found = problems(asked, given)
  expect(found).toMatchObject([{ level: 'warning', what: expect.stringContaining(text) as string }])
}) // prettier-ignore

test.each<[string, RouteChanges, FactChanges]>([
  ['a route without wishes', {}, {}],
  ['what the engine supplies', { ordered: true }, { capabilities: { ordered: 'supplied', delayedRetry: 'supplied', durableGroups: 'supplied' } }],
  ['order that nobody asked for', {}, without('ordered')],
  ['a beginning in the past that nobody asked for', {}, { capabilities: { startEarliest: 'refused', startAtTime: 'refused', replay: 'refused' } }],
  ['a query where nothing is kept', { role: 'answer', message: shop.price }, { capabilities: { durableGroups: 'refused' }, durability: { accepted: 'memory' } }],
  ['a query on an engine that hands out once', { role: 'answer', message: shop.price }, limits({ deliveryLimit: read(1) })],
  ['a query that is soon dropped', { role: 'answer', message: shop.price }, limits({ retentionMs: read(1) })],
  ['a broadcast of what is soon dropped', { transient: true }, limits({ retentionMs: read(1), deliveryLimit: read(1) })],
  ['a broadcast on an engine of memory', { transient: true }, { durability: { accepted: 'memory' } }],
  ['events that are kept', { message: kept.seen }, {}],
  ['a broadcast from now on, without history', { transient: true }, without('replay')],
  ['a group from the earliest, where broadcasts have no history', { start: 'earliest' }, without('replay')],
  ['four fifths of an assumed retention', {}, limits({ retentionMs: assumed(191_875) })],
  ['memory that was asked for', {}, { durability: { accepted: 'memory', source: 'told' } }],
  ['retries at once on an engine without delays', { retry: { attempts: 2 } }, without('delayedRetry')],
  ['a delay of nothing on an engine without delays', { retry: { base: 0 } }, without('delayedRetry')],
  ['the longest delay that there is', {}, { maxDelayMs: read(2_000) }],
  ['one delivery to spare, told', {}, limits({ deliveryLimit: told(21) })],
  ['deliveries to spare, assumed', {}, limits({ deliveryLimit: assumed(25) })],
  ['an ordered route whose keys differ', { ordered: true }, limits({ settleWithinMs: told(900_000) })],
  ['a handler within the limit', {}, limits({ settleWithinMs: told(60_000) })],
  ['a handler well within an assumed limit', {}, limits({ settleWithinMs: assumed(75_000) })],
  ['one more than the retries, told', {}, limits({ retentionMs: told(153_501) })],
  ['a retention assumed to be long', {}, limits({ retentionMs: assumed(HOUR) })],
])('problemsOf() has nothing to say of %s', (_, asked, given) => {
  expect(problems(asked, given)).toEqual([])
}) // prettier-ignore

test('problemsOf() puts refusals before warnings', () => {
  const found = problems(
    { timeoutMs: HOUR },
    { durability: { accepted: 'memory' }, ...limits({ retentionMs: read(HOUR) }) },
  )
  expect(found.map(({ level }) => level)).toEqual(['refused', 'warning'])
})

test('problemsOf() asks to tell the transport of a limit that is assumed', () => {
  const cure = (limit: typeof told): string | undefined =>
    problems({ timeoutMs: HOUR }, limits({ settleWithinMs: limit(HOUR) }))[0]?.cure
  expect([cure(assumed), cure(told)]).toEqual([
    "Lower the handler's `timeout`, or raise the engine's limit, and tell the transport.",
    "Lower the handler's `timeout`, or raise the engine's limit.",
  ])
})
