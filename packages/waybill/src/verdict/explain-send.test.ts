import { expect, test } from 'vitest'
import { explainSend } from './explain-send.ts'
import { assumed, bare, facts, kept, meters, read, shop, told, type FactChanges } from './facts.test-support.ts'
import type { Keepers } from './kept-for-later.ts'
import type { AnyContracted } from '../contract/contract.ts'
import type { SendVerdict } from './route-verdict.ts'

const times = { sendTimeoutMs: 30_000, requestTimeoutMs: 10_000 }
const alone: Keepers = { store: undefined, sendsWithin: false }
function verdict(message: AnyContracted, given: FactChanges = {}, exists = true, keepers = alone): SendVerdict {
  const { engine, route } = facts(given)
  return explainSend(message, engine, exists ? route : undefined, { ...times, keepers })
}

test('explainSend() states everything of a send', () => {
  expect(verdict(shop.paid)).toEqual({
    statement: 'publish shop.paid: confirmed once synced to disk, no loss window, forgotten when nobody subscribed, outcome unknown after 30 s',
    message: 'shop.paid',
    kind: 'event',
    channel: 'shop',
    confirmed: 'synced',
    loss: { window: 'none', upToMs: null, source: 'read' },
    copies: { value: 3, source: 'read' },
    withoutRecipient: 'forgotten',
    unknownAfterMs: 30_000,
    repliesWithinMs: null,
    limits: { messageBytes: { value: 1_000, source: 'read' }, delayMs: { value: null, source: 'read' } },
    problems: [],
    notes: [],
  } satisfies SendVerdict) // prettier-ignore
})

test.each<[AnyContracted, FactChanges, string]>([
  [shop.ticked, { durability: { accepted: 'memory' } }, 'publish shop.ticked: confirmed once in memory, nothing kept while away or too slow, forgotten when nobody subscribed, outcome unknown after 30 s'],
  [shop.pay, {}, 'send, request shop.pay: confirmed once synced to disk, no loss window, refused when nobody can receive it, outcome unknown after 30 s, reply within 10 s'],
  [shop.price, { durability: { accepted: 'memory' } }, 'request shop.price: confirmed once in memory, all lost with the server, refused when nobody can receive it, reply within 10 s'],
  [shop.offers, {}, 'scatter shop.offers: confirmed once synced to disk, no loss window, forgotten when nobody subscribed, replies within 10 s'],
  [shop.pay, { capabilities: { unroutable: 'refused' }, durability: { accepted: 'written', lossWindowMs: told(1_000) } }, 'send, request shop.pay: confirmed once written, up to 1 s lost on power loss, kept when nobody can receive it, outcome unknown after 30 s, reply within 10 s'],
  [shop.paid, { durability: { source: 'assumed' } }, 'publish shop.paid: confirmed once synced to disk, no loss window (assumed), forgotten when nobody subscribed, outcome unknown after 30 s'],
  [shop.paid, { capabilities: { confirms: 'refused' } }, 'publish shop.paid: not confirmed, no loss window, forgotten when nobody subscribed, outcome unknown after 30 s'],
])('explainSend() in one line: %o', (message, given, statement) => {
  expect(verdict(message, given).statement).toBe(statement)
}) // prettier-ignore

test('explainSend() says of a channel that does not exist that nothing is known', () => {
  expect(verdict(shop.paid, {}, false)).toMatchObject({
    statement: 'publish shop.paid: confirmed once stored, forgotten when nobody subscribed, outcome unknown after 30 s',
    confirmed: 'unknown',
    loss: null,
    copies: null,
    notes: ['the channel does not exist yet: the engine can say nothing of it'],
  })
})

test('explainSend() notes what is not confirmed', () => {
  expect(verdict(shop.paid, { capabilities: { confirms: 'refused' } }).notes).toEqual([
    'a send resolves on trust: the engine does not confirm',
  ])
})

test('explainSend() warns of questions on an engine without messages that expire', () => {
  const given: FactChanges = { capabilities: { expiry: 'refused' } }
  expect(verdict(shop.price, given).problems).toMatchObject([{ level: 'warning', code: 'WAYBILL_UNSUPPORTED' }])
  expect([verdict(shop.pay, given).problems, verdict(shop.price).problems]).toEqual([[], []])
})

test('explainSend() refuses to keep events where the engine cannot', () => {
  const given: FactChanges = { capabilities: { replay: 'refused' } }
  expect(verdict(kept.seen, given).problems).toMatchObject([
    { level: 'refused', what: 'kept.seen keeps its events for 7 d, to be read again, which perfect cannot' },
  ])
  expect([verdict(kept.seen).problems, verdict(shop.paid, given).problems]).toEqual([[], []])
})

test('explainSend() gives a question up with its reply, and anything else with its send', () => {
  const messages = [shop.price, shop.offers, shop.pay, shop.paid]
  expect(messages.map((message) => verdict(message).unknownAfterMs)).toEqual([10_000, 10_000, 30_000, 30_000])
  expect(messages.map((message) => verdict(message).repliesWithinMs)).toEqual([10_000, 10_000, 10_000, null])
})

test('explainSend() names the channel of ordinary clients, and the limits', () => {
  expect(verdict(bare, { maxDelayMs: read(7) })).toMatchObject({
    channel: 'legacy',
    limits: { delayMs: { value: 7, source: 'read' } },
  })
})

test('explainSend() says what the store of the bus keeps, and when the engine lets it', () => {
  const later = (message: AnyContracted, given: FactChanges = {}): SendVerdict =>
    verdict(message, given, true, { store: 'mysql', sendsWithin: true })
  const within = 'in a transaction of the mysql store: sent if and only if that commits, with one id until confirmed'
  const waits = 'kept by the mysql store until due, however long: a schedule'
  expect(later(shop.paid).notes).toEqual([within, waits])
  expect(later(shop.paid)).toMatchObject({
    transaction: 'mysql',
    scheduled: 'mysql',
    limits: { delayMs: { value: null } },
  })
  expect(later(shop.paid)).not.toHaveProperty('delayed')
  const day: FactChanges = { maxDelayMs: assumed(86_400_000) }
  expect(later(shop.pay, day).notes).toEqual([within, `${waits}, and a delay beyond 1 d (assumed)`])
  expect(later(shop.pay, day).delayed).toEqual({ by: 'mysql', beyondMs: 86_400_000 })
  expect(later(shop.pay, { maxDelayMs: told(1_000) }).notes).toEqual([within, `${waits}, and a delay beyond 1 s`])
  const refused: FactChanges = { capabilities: { delayedSend: 'refused' }, maxDelayMs: assumed(0) }
  expect(later(shop.pay, refused).notes).toEqual([within, `${waits}, and a delay`])
  expect(later(shop.pay, refused).delayed).toEqual({ by: 'mysql', beyondMs: 0 })
  expect(later(shop.pay, refused).problems).toEqual([])
})

test('explainSend() promises nothing later of what is asked now, is not stored, or is numbered', () => {
  const given: Keepers = { store: 'mysql', sendsWithin: false }
  for (const message of [shop.price, shop.offers, shop.ticked]) {
    const { notes, ...rest } = verdict(message, {}, true, given)
    expect(notes).toEqual([])
    expect(rest).not.toHaveProperty('transaction')
  }
  const numbered = verdict(meters.read, { maxDelayMs: told(1_000) }, true, given)
  expect(numbered.notes).toEqual([
    'in a transaction of the mysql store: sent if and only if that commits, with one id until confirmed',
    'numbered: sent in a transaction alone, neither delayed nor scheduled',
  ])
  expect(numbered).not.toHaveProperty('scheduled')
})

test('explainSend() without a store says what an engine that is a database does in a transaction, and of others nothing', () => {
  const engine = verdict(shop.paid, {}, true, { store: undefined, sendsWithin: true })
  expect(engine.notes).toEqual(['in a transaction: stored by perfect if and only if that commits'])
  expect([engine.transaction, engine.scheduled, engine.delayed]).toEqual(['engine', undefined, undefined])
  expect(verdict(shop.paid).notes).toEqual([])
})
