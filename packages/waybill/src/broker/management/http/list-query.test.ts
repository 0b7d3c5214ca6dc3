import { expect, test } from 'vitest'
import { select, shown } from './list-query.ts'
import { list, type Listed } from './reply.ts'

const NAMES = ['alpha', 'beta', 'Gamma', 'delta', 'epsilon']

function items(names: readonly string[] = NAMES): readonly Listed[] {
  const reply = list(names, String, (name) => ({ name, size: { length: name.length, first: name.slice(0, 1) } }))
  return reply.kind === 'list' ? reply.items : []
}

function asked(query: string, from: readonly Listed[] = items()): unknown {
  const search = new URLSearchParams(query)
  const { items: chosen, page } = select(from, search)
  return page === undefined ? chosen.map(({ name }) => name) : { ...page, names: chosen.map(({ name }) => name) }
}

test('select() without a page gives all, whatever name it is asked for', () => {
  expect(asked('name=beta')).toEqual(NAMES)
})

test('select() gives a page with counts', () => {
  expect(asked('page=2&page_size=2')).toEqual({
    page: 2,
    page_size: 2,
    page_count: 3,
    item_count: 2,
    filtered_count: 5,
    total_count: 5,
    names: ['Gamma', 'delta'],
  })
  expect(asked('page=1', [])).toMatchObject({ page_count: 1, total_count: 0, names: [] })
})

test('select() filters a page by a part of the name, or by a regular expression, in any case', () => {
  expect(asked('page=1&name=LTA')).toMatchObject({ names: ['delta'], filtered_count: 1, total_count: 5 })
  expect(asked('page=1&name=gam')).toMatchObject({ names: ['Gamma'] })
  expect(asked('page=1&name=^g|n$&use_regex=true')).toMatchObject({ names: ['Gamma', 'epsilon'] })
  expect(asked('page=1&name=^g')).toMatchObject({ names: [] })
})

test('select() gives up on a regular expression that would take for ever', { timeout: 5_000 }, () => {
  const query = `page=1&use_regex=true&name=${encodeURIComponent('^(a+)+$')}`
  expect(() => asked(query, items([`${'a'.repeat(200)}b`]))).toThrow('Pagination parameters are invalid')
})

test('select() sorts by a path, numbers as numbers', () => {
  expect(asked('sort=name')).toEqual(['Gamma', 'alpha', 'beta', 'delta', 'epsilon'])
  expect(asked('sort=size.length')).toEqual(['beta', 'alpha', 'Gamma', 'delta', 'epsilon'])
  expect(asked('sort=size.length&sort_reverse=true&page=1&page_size=1')).toMatchObject({ names: ['epsilon'] })
  expect(asked('sort=missing')).toEqual(NAMES)
})

test.each([
  ['page=x', 'bad_request'],
  ['page=0', 'invalid_pagination_parameters'],
  ['page=1&page_size=501', 'invalid_pagination_parameters'],
  ['page=1&page_size=-1', 'invalid_pagination_parameters'],
  ['page=9', 'page_out_of_range'],
  ['page=1&name=(&use_regex=true', 'bad_request'],
])('select() refuses %s', (query, error) => {
  expect(() => asked(query)).toThrow(`400 ${error}`)
})

test('shown() picks columns, inner ones by their path', () => {
  const [item] = items()
  const columns = (names: string): unknown =>
    item === undefined ? undefined : { ...shown(item, new URLSearchParams({ columns: names })) }
  expect(columns('size.length,nothing')).toEqual({ size: { length: 5 } })
  expect(columns('size.length,size.first')).toEqual({ size: { length: 5, first: 'a' } })
  expect(columns('name,__proto__,name.length')).toEqual({ name: 'alpha' })
})
