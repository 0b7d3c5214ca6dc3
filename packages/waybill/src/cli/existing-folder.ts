import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { WaybillError } from '../message/errors.ts'

/**
 * The absolute path of a data folder.
 *
 * @throws {WaybillError} `WAYBILL_NOT_FOUND`
 */
export function existingFolder(dir: string): string {
  const folder = resolve(dir)
  if (existsSync(folder)) return folder
  throw new WaybillError('WAYBILL_NOT_FOUND', `there is no folder ${folder}`, {
    cure: 'Name the data folder of an embedded broker.',
  })
}
