// What a list may be asked for by (RabbitMQ, HTTP API Reference, "Pagination and Filtering"):
//
//   page=2 page_size=50                a page, with counts
//   name=text [use_regex=true]         with a page: only what has the text in its name, or matches
//   sort=path [sort_reverse=true]
//   columns=path,path                  only these fields of each
import { matches } from './bounded-match.ts'
import { badRequest, HttpError } from './http-error.ts'
import { pickColumns, valueAt } from './columns.ts'
import type { Json, JsonObject } from '../../wire/json.ts'
import type { Listed } from './reply.ts'

const MOST_PAGE_SIZE = 500
const PAGE_SIZE = 100

interface Page {
  readonly page: number
  readonly pageSize: number
}

export interface Selection {
  /** What is to be shown, in order. */
  readonly items: readonly Listed[]
  /** Of a page: the fields around its items. */
  readonly page: JsonObject | undefined
}

/**
 * Chooses and orders what a list shows.
 *
 * @throws {HttpError} 400 for a page that is none, or beyond the end
 */
export function select(all: readonly Listed[], query: URLSearchParams): Selection {
  const page = pageOf(query)
  if (page === undefined) return { items: sorted(all, query), page: undefined }
  const filtered = named(all, query)
  const { length } = filtered
  const pages = Math.max(1, Math.ceil(length / page.pageSize))
  if (page.page > pages)
    throw new HttpError(
      400,
      'page_out_of_range',
      `Page out of range, page: ${page.page} page size: ${page.pageSize}, len: ${length}`,
    )
  const start = (page.page - 1) * page.pageSize
  const items = sorted(filtered, query).slice(start, start + page.pageSize)
  return {
    items,
    page: {
      filtered_count: length,
      item_count: items.length,
      page: page.page,
      page_count: pages,
      page_size: page.pageSize,
      total_count: all.length,
    },
  }
}

/** One item as it was asked for. */
export function shown(item: Listed, query: URLSearchParams): JsonObject {
  return pickColumns(item.show(), query.get('columns'))
}

function pageOf(query: URLSearchParams): Page | undefined {
  const page = query.get('page')
  if (page === null) return undefined
  const pageSize = query.get('page_size') ?? String(PAGE_SIZE)
  if (!/^-?\d{1,9}$/.test(page) || !/^-?\d{1,9}$/.test(pageSize)) throw badRequest('Pagination parameters are invalid')
  const asked = { page: Number(page), pageSize: Number(pageSize) }
  if (asked.page < 1 || asked.pageSize < 1 || asked.pageSize > MOST_PAGE_SIZE)
    throw new HttpError(
      400,
      'invalid_pagination_parameters',
      `Invalid pagination parameters: page number ${page}, page size ${pageSize}`,
    )
  return asked
}

function named(all: readonly Listed[], query: URLSearchParams): readonly Listed[] {
  const text = query.get('name') ?? ''
  if (text === '') return all
  if (query.get('use_regex') !== 'true') {
    const wanted = text.toLowerCase()
    return all.filter(({ name }) => name.toLowerCase().includes(wanted))
  }
  const found = matches(
    text,
    all.map(({ name }) => name),
  )
  return all.filter((_, at) => found[at])
}

function sorted(all: readonly Listed[], query: URLSearchParams): readonly Listed[] {
  const path = query.get('sort')
  const isReverse = query.get('sort_reverse') === 'true'
  if (path === null || path === '') return isReverse ? all.toReversed() : all
  const keyed = all.map((item) => ({ item, key: valueAt(item.show(), path) }))
  keyed.sort((a, b) => compare(a.key, b.key))
  return (isReverse ? keyed.toReversed() : keyed).map(({ item }) => item)
}

/** Numbers before texts, and what is missing before both. */
function compare(a: Json | undefined, b: Json | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b)
  return rank(a) - rank(b)
}

function rank(value: Json | undefined): number {
  return typeof value === 'number' ? 1 : typeof value === 'string' ? 2 : 0
}
