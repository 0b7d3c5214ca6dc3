import { WaybillError } from '../../message/errors.ts'

/** Where a store is damaged. */
export interface StoreDamage {
  readonly file: string
  readonly offset: number
  readonly what: string
}

export function storeDamaged(folder: string, { file, offset, what }: StoreDamage): WaybillError {
  return new WaybillError('WAYBILL_STORE_DAMAGED', `${folder}/${file}, offset ${offset}: ${what}`, {
    cure: `Copy the folder, then run \`npx waybill broker repair --data ${folder}\`, which lists what is lost.`,
  })
}

/** The folder, or a file in it, cannot be made, read or written. */
export function storeUnwritable(folder: string, cause: unknown): WaybillError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new WaybillError('WAYBILL_STORE_UNWRITABLE', `${folder}: ${why}`, { cause })
}
