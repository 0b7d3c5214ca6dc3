import { WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { STORE_VERSION } from '../stores/sql/migrate.ts'
import { STORE_URLS, storeByUrl } from './store-url.ts'

/**
 * Makes the tables of a store, or brings them up to date, as a bus does when it starts: for services whose user of the database may
 * not.
 *
 * @throws {WaybillError} as opening a store does
 */
export async function migrateStore(
  url: string | undefined,
  runtime: Runtime,
  print: (line: string) => void,
): Promise<void> {
  if (url === undefined)
    throw new WaybillError('WAYBILL_BAD_URL', 'neither --url nor WAYBILL_STORE_URL names a database', {
      cure: `Write ${STORE_URLS}.`,
    })
  const { store, place, end } = await storeByUrl(url)
  try {
    await store.open(runtime, new AbortController().signal)
    await store.close()
  } finally {
    await end()
  }
  print(`the tables of the store in ${place} are at version ${STORE_VERSION}`)
}
