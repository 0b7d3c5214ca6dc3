import type { Json, JsonObject } from '../../broker/wire/json.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import { shownValue } from './erlang-term.ts'
import type { ManagementClient } from './management-client.ts'

export interface CtlOptions {
  /** `-p`. */
  readonly vhost: string
  /** `-q`: no word about what is being done. `-s`: no headers either. */
  readonly isQuiet: boolean
  readonly hasHeaders: boolean
  readonly format: 'table' | 'json'
  /** Those of the verb alone. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>
}

/** How a column of a list is found in what the API says. */
export type Columns = Readonly<Record<string, (of: JsonObject) => Json | undefined>>

/** What a verb works with. */
export class Ctl {
  readonly api: ManagementClient
  readonly options: CtlOptions
  readonly #print: (line: string) => void

  constructor(api: ManagementClient, options: CtlOptions, print: (line: string) => void) {
    this.api = api
    this.options = options
    this.#print = print
  }

  get vhost(): string {
    return this.options.vhost
  }

  /** Says what is being done. */
  note(line: string): void {
    if (!this.options.isQuiet && this.options.format === 'table') this.#print(line)
  }

  say(line: string): void {
    this.#print(line)
  }

  /**
   * Shows the columns that were asked for, or `usual`.
   *
   * @throws {CtlError} 64 for a column that there is not
   */
  table(rows: readonly JsonObject[], columns: Columns, asked: readonly string[], usual: readonly string[]): void {
    const names = asked.length > 0 ? asked : usual
    const { format, hasHeaders } = this.options
    if (format === 'json') {
      const shown = rows.map((row) => Object.fromEntries(names.map((name) => [name, columns[name]?.(row) ?? ''])))
      return this.#print(JSON.stringify(shown))
    }
    if (hasHeaders && rows.length > 0) this.#print(names.join('\t'))
    for (const row of rows) this.#print(names.map((name) => shownValue(columns[name]?.(row))).join('\t'))
  }
}

/** @throws {CtlError} 64 for a column that there is not */
export function requireColumns(columns: Columns, asked: readonly string[]): void {
  const unknown = asked.filter((name) => !Object.hasOwn(columns, name))
  if (unknown.length === 0) return
  throw new CtlError(EXIT.usage, `Info key(s) ${unknown.join(',')} are not supported`)
}

/** Columns that go by the same name in the API. */
export function columnsOf(...names: readonly string[]): Columns {
  return Object.fromEntries(names.map((name) => [name, (of: JsonObject) => of[name]]))
}
