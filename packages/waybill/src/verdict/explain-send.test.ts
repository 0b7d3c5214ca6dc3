import { expect, test } from 'vitest'
import { explainSend } from './explain-send.ts'
import { bare, facts, kept, read, shop, told, type FactChanges } from './facts.test-support.ts'
import type { AnyContracted } from '../contract/contract.ts'
import type { SendVerdict } from './route-verdict.ts'

const times = { sendTimeoutMs: 30_000, requestTimeoutMs: 10_000 }
function verdict(message: AnyContracted, given: FactChanges = {}, exists = true): SendVerdict {
  const { engine, route } = facts(given)
  return explainSend(message, engine, exists ? route : undefined, times)
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
