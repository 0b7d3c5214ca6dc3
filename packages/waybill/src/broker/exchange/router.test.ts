import { beforeEach, describe, expect, test } from 'vitest'
import { EMPTY_TABLE, type FieldTable } from '../wire/field-table.ts'
import { Exchange, type Destination, type ExchangeDefinition, type Named } from './exchange.ts'
import { Router } from './router.ts'

const [one, two, three]: readonly [Named, Named, Named] = [{ name: 'one' }, { name: 'two' }, { name: 'three' }]

let exchanges: Map<string, Exchange<Named>>
let queues: Map<string, Named>
let router: Router<Named>

beforeEach(() => {
  exchanges = new Map()
  queues = new Map()
  router = new Router({
    findExchange: (name) => exchanges.get(name),
    routeByName: (name) => [queues.get(name)].filter((queue) => queue !== undefined),
  })
})

function exchangeOf(name: string, rest: Partial<ExchangeDefinition> = {}): Exchange<Named> {
  const definition = { name, type: 'fanout', durable: true, autoDelete: false, internal: false, ...rest } as const
  const exchange = new Exchange<Named>(definition)
  exchanges.set(name, exchange)
  router.forget()
  return exchange
}

function bind(
  source: Exchange<Named>,
  destination: Destination<Named>,
  key = '',
  table: FieldTable = EMPTY_TABLE,
): void {
  source.bind(destination, key, table)
  router.forget()
}

function routed(exchange: Exchange<Named>, key = '', headers: FieldTable = EMPTY_TABLE): readonly string[] {
  return router
    .route(exchange, key, () => headers)
    .map(({ name }) => name)
    .toSorted()
}

describe('route()', () => {
  test('remembers what depends on the key alone, until bindings change', () => {
    const [direct, headers] = [exchangeOf('d', { type: 'direct' }), exchangeOf('h', { type: 'headers' })]
    bind(direct, one, 'k')
    const first = router.route(direct, 'k', () => EMPTY_TABLE)
    expect(router.route(direct, 'k', () => EMPTY_TABLE)).toBe(first)
    bind(direct, headers, 'k')
    expect(routed(direct, 'k')).toEqual(['one'])
    bind(headers, two, '', { a: '1' })
    expect(routed(direct, 'k', { a: '1' })).toEqual(['one', 'two'])
    expect(routed(direct, 'k', { a: '2' })).toEqual(['one'])
  })

  test('forgets what it remembers of all keys', () => {
    const exchange = exchangeOf('x')
    bind(exchange, one)
    expect([routed(exchange, 'a'), routed(exchange, 'b')]).toEqual([['one'], ['one']])
    bind(exchange, two)
    expect([routed(exchange, 'a'), routed(exchange, 'b')]).toEqual([
      ['one', 'two'],
      ['one', 'two'],
    ])
  })

  test('remembers no more routing keys than it says', () => {
    const exchange = exchangeOf('x', { type: 'topic' })
    bind(exchange, one, '#')
    const first = router.route(exchange, 'first', () => EMPTY_TABLE)
    for (let key = 0; key < 1_024; key++) expect(routed(exchange, `k.${key}`)).toEqual(['one'])
    expect(router.route(exchange, 'first', () => EMPTY_TABLE)).not.toBe(first)
  })

  test('goes on from exchange to exchange, finds each queue once, and ends in circles', () => {
    const [a, b, c] = [exchangeOf('a'), exchangeOf('b', { type: 'topic' }), exchangeOf('c')]
    bind(a, b)
    bind(b, c, 'k.#')
    bind(c, a)
    bind(c, c)
    bind(a, one)
    bind(c, one)
    bind(b, two, 'k.1')
    bind(c, three)
    expect(routed(a, 'k.1')).toEqual(['one', 'three', 'two'])
    expect(routed(a, 'other')).toEqual(['one'])
    expect(routed(c, 'k')).toEqual(['one', 'three'])
  })

  test('goes to the alternate of any exchange on the way that has no binding for the message', () => {
    const [source, middle, rest] = [
      exchangeOf('source', { alternate: 'rest' }),
      exchangeOf('middle', { type: 'direct', alternate: 'rest' }),
      exchangeOf('rest'),
    ]
    bind(rest, one)
    expect(routed(source, 'k')).toEqual(['one'])
    bind(source, middle)
    bind(middle, two, 'k')
    expect(routed(source, 'k')).toEqual(['two'])
    expect(routed(source, 'other')).toEqual(['one'])
    // A binding to an exchange that leads nowhere is a binding.
    bind(exchangeOf('dry', { alternate: 'rest' }), exchangeOf('empty'))
    expect(routed(exchanges.get('dry') ?? source, 'k')).toEqual([])
  })

  test('goes to the default exchange, where that is the alternate, by the queues there are now', () => {
    const exchange = exchangeOf('x', { alternate: '' })
    expect(routed(exchange, 'one')).toEqual([])
    queues.set('one', one)
    expect(routed(exchange, 'one')).toEqual(['one'])
  })
})

test('routeAny() finds the queues of all keys, and the alternate only when there is none', () => {
  const [exchange, rest] = [exchangeOf('x', { type: 'direct', alternate: 'rest' }), exchangeOf('rest')]
  bind(exchange, one, 'a')
  bind(exchange, two, 'b')
  bind(rest, three)
  const any = (...keys: string[]): readonly string[] =>
    router.routeAny(exchange, keys, () => EMPTY_TABLE).map(({ name }) => name)
  expect(any('a', 'b', 'none')).toEqual(['one', 'two'])
  expect(any('none', 'neither')).toEqual(['three'])
})
