import { join } from 'node:path'
import { WaybillError } from '../../message/errors.ts'
import { storeUnwritable } from './store-damage.ts'
import type { StoreLock } from './store-files.ts'

const SQLITE_BUSY = 5

export const FOLDER_LOCK = 'lock.db'

/**
 * Takes the folder for one broker.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE` at once when it is taken, `WAYBILL_STORE_UNWRITABLE`
 */
export async function lockFolder(folder: string): Promise<StoreLock> {
  const lock = await tryLock(folder, FOLDER_LOCK)
  if (lock === undefined)
    throw new WaybillError('WAYBILL_STORE_IN_USE', `${folder} is open in another process, or twice in this one`)
  return lock
}

/**
 * Takes the lock `file` in the folder with an exclusive transaction on an SQLite database of that name, which is held
 * open: the kernel drops the lock with the process, however it ends, and SQLite keeps two opens in one process apart.
 *
 * @returns `undefined` when it is taken
 * @throws {WaybillError} `WAYBILL_STORE_UNWRITABLE`
 */
export async function tryLock(folder: string, file: string): Promise<StoreLock | undefined> {
  // Loaded here, so that who stores nothing does not pay for it.
  const { DatabaseSync } = await import('node:sqlite')
  let database: InstanceType<typeof DatabaseSync> | undefined
  try {
    database = new DatabaseSync(join(folder, file))
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined
    throw storeUnwritable(folder, error)
  }
  const taken = database
  let held = true
  return {
    release: () => {
      if (held) taken.close()
      held = false
    },
  }
}
