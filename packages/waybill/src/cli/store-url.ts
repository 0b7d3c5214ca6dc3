// A store by its URL, for commands: services give their own pool.
import { asError } from '../message/as-error.ts'
import { WaybillError } from '../message/errors.ts'
import type { Store } from '../store/store.ts'
import { mysqlStore } from '../stores/mysql/mysql-store.ts'
import { postgresStore } from '../stores/postgres/postgres-store.ts'
import type { StoreOptions } from '../stores/sql/store-settings.ts'
import { sqliteStore } from '../stores/sqlite/sqlite-store.ts'

export const STORE_URLS =
  'postgres://user:password@host/database?schema=…, mysql://user:password@host/database, or sqlite:path'

/** A host that does not answer is not waited for as long as the system would. */
const CONNECT_MS = 15_000

export interface StoreByUrl {
  readonly store: Store<unknown>
  /** Where its tables are, for people. */
  readonly place: string
  /** Ends the connections, once the store is closed. */
  readonly end: () => Promise<void>
}

/** @throws {WaybillError} WAYBILL_BAD_URL, WAYBILL_DRIVER_MISSING */
export async function storeByUrl(url: string | undefined, options: StoreOptions = {}): Promise<StoreByUrl> {
  if (url === undefined) throw badUrl('neither --url nor WAYBILL_STORE_URL names a database')
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length)
    if (path === '') throw badUrl('sqlite: names no file')
    return { store: sqliteStore(path, options), place: path, end: async () => {} }
  }
  if (!URL.canParse(url)) throw badUrl('the URL cannot be read')
  const parsed = new URL(url)
  if (/^postgres(?:ql)?:$/.test(parsed.protocol)) return postgresByUrl(parsed, options)
  if (parsed.protocol === 'mysql:') return mysqlByUrl(parsed, options)
  throw badUrl(`no store is reached by ${parsed.protocol}`)
}

async function postgresByUrl(url: URL, options: StoreOptions): Promise<StoreByUrl> {
  const { default: pg } = await driver('pg', () => import('pg'))
  const schema = url.searchParams.get('schema') ?? 'waybill_store'
  url.searchParams.delete('schema')
  const pool = new pg.Pool({ connectionString: url.href, max: 2, connectionTimeoutMillis: CONNECT_MS })
  // What becomes of a connection that is idle is told by its next use.
  pool.on('error', () => undefined)
  const store = postgresStore(pool, { ...options, schema })
  return { store: store, place: `schema ${schema}`, end: () => pool.end() }
}

async function mysqlByUrl(url: URL, options: StoreOptions): Promise<StoreByUrl> {
  const { default: mysql } = await driver('mysql2', () => import('mysql2/promise'))
  const pool = mysql.createPool({ uri: url.href, connectionLimit: 2, connectTimeout: CONNECT_MS })
  const place = `database ${decodeURIComponent(url.pathname.slice(1))}`
  return { store: mysqlStore(pool, options), place, end: () => pool.end() }
}

async function driver<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    if (!('code' in asError(cause)) || (cause as { readonly code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND')
      throw cause
    throw new WaybillError('WAYBILL_DRIVER_MISSING', `the store needs the driver ${name}`, {
      cause,
      cure: `npm i ${name}`,
    })
  }
}

/** Never with the URL, which has a password. */
function badUrl(what: string): WaybillError {
  return new WaybillError('WAYBILL_BAD_URL', what, { cure: `Write ${STORE_URLS}.` })
}
