import type { JsonObject } from '../../broker/wire/json.ts'
import { columnsOf, requireColumns, type Columns, type Ctl } from './ctl.ts'
import type { Verb } from './verb.ts'

export interface ListVerb {
  readonly name: string
  /** `…` of the virtual host: what it says it does. */
  readonly note: (vhost: string) => string
  /** As they go by the same name in the API. */
  readonly plain: readonly string[]
  readonly other?: Columns
  readonly usual: readonly string[]
  readonly rows: (ctl: Ctl) => Promise<readonly JsonObject[]>
}

/** A verb that lists things, with the columns that are asked for. */
export function listVerb({ name, note, plain, other = {}, usual, rows }: ListVerb): Verb {
  const columns = { ...columnsOf(...plain), ...other }
  return {
    name,
    usage: '[<column>…]',
    run: async (ctl, asked) => {
      requireColumns(columns, asked)
      ctl.note(note(ctl.vhost))
      ctl.table(await rows(ctl), columns, asked, usual)
    },
  }
}
