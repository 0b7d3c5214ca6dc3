import type { Runtime } from '../runtime/runtime.ts'
import { STORE_VERSION } from '../stores/sql/migrate.ts'
import { storeByUrl } from './store-url.ts'

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
  const { store, place, end } = await storeByUrl(url)
  try {
    await store.open(runtime, new AbortController().signal)
    await store.close()
  } finally {
    await end()
  }
  print(`the tables of the store in ${place} are at version ${STORE_VERSION}`)
}
