import { expect, test } from 'vitest'
import { compareVerdicts } from './compare-verdicts.ts'
import { explainRoute } from './explain-route.ts'
import { explainSend } from './explain-send.ts'
import { facts, route, shop, told, type FactChanges, type RouteChanges } from './facts.test-support.ts'
import type { Verdicts } from './route-verdict.ts'

const keepers = { store: undefined, sendsWithin: false }
function verdicts(asked: RouteChanges = {}, given: FactChanges = {}): Verdicts {
  const { engine, route: routeFacts } = facts(given)
  return {
    format: 1,
    engine: engine.engine,
    routes: [explainRoute(route(asked), facts(given)), explainRoute(route({ message: shop.pay }), facts())],
    sends: [explainSend(shop.paid, engine, routeFacts, { sendTimeoutMs: 1, requestTimeoutMs: 2, keepers })],
  }
}
const stored = (of: Verdicts): unknown => JSON.parse(JSON.stringify(of))

test('compareVerdicts() finds nothing where nothing changed, and passes over wording', () => {
  expect(compareVerdicts(stored(verdicts()), verdicts())).toEqual([])
  const reworded = {
    ...verdicts(),
    routes: verdicts().routes.map((each) => ({ ...each, statement: 'other', notes: ['words'] })),
  }
  expect(compareVerdicts(stored(reworded), verdicts())).toEqual([])
})

test('compareVerdicts() names each field that changed', () => {
  expect(compareVerdicts(stored(verdicts()), verdicts({ retry: { attempts: 2 }, skipUnknownTypes: true }))).toEqual([
    'changed: shop.paid → till: at least once, no loss window, no order, 2 attempts at once, then dead letter',
    '  retry.attempts: 5 is now 2',
    '  retry.waitsMs.least: 1750 is now 0',
    '  retry.waitsMs.most: 3500 is now 0',
    '  unknown.types: dead-letter is now skip',
  ])
})

test('compareVerdicts() names a problem that is new, and what is known otherwise', () => {
  const changes = compareVerdicts(stored(verdicts()), verdicts({}, { limits: { deliveryLimit: told(5) } }))
  expect(changes).toContain('  problems.0.code: absent is now WAYBILL_LIMIT')
  expect(changes).toContain('  limits.deliveries.source: read is now told')
})

test('compareVerdicts() names what came and went, and another engine', () => {
  const before = verdicts()
  const now: Verdicts = { ...before, engine: 'other', routes: before.routes.slice(0, 1), sends: [] }
  expect(compareVerdicts(stored(before), now)).toEqual([
    'engine: perfect is now other',
    `removed: ${before.routes[1]?.statement}`,
    `removed: ${before.sends[0]?.statement}`,
  ])
  expect(compareVerdicts(stored(now), before).slice(1)).toEqual([
    `added: ${before.routes[1]?.statement}`,
    `added: ${before.sends[0]?.statement}`,
  ])
})

test.each([[null], [{}], ['text'], [{ format: 2, routes: [], sends: [] }], [{ format: 1, routes: [] }]])(
  'compareVerdicts() refuses %o',
  (before) => {
    expect(() => compareVerdicts(before, verdicts())).toThrow(TypeError)
  },
)
