import { join } from 'node:path'
import { WaybillError } from '../../message/errors.ts'
import type { StoreLock } from './store-files.ts'

const SQLITE_BUSY = 5

/**
 * Takes the folder with an exclusive transaction on the SQLite database `lock.db` in it, which is held open: the kernel
 * drops the lock with the process, however it ends, and SQLite keeps two opens in one process apart.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE` at once when it is taken
 */
export async function lockFolder(folder: string): Promise<StoreLock> {
  // Loaded here, so that who stores nothing does not pay for it.
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(folder, 'lock.db'))
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)
      throw new WaybillError('WAYBILL_STORE_IN_USE', `${folder} is open in another process, or twice in this one`, {
        cause: error,
      })
    throw error
  }
  let held = true
  return {
    release: () => {
      if (held) database.close()
      held = false
    },
  }
}
