import { readFileSync, writeFileSync } from 'node:fs'
import { isJsonObject, type Json, type JsonObject } from '../../broker/wire/json.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import type { Verb } from './verb.ts'

/** Standard input or output, in place of a file. */
const STANDARD = '-'
const STANDARD_INPUT_FD = 0

/** Everything that is declared, as a file. */
export const DEFINITION_VERBS: readonly Verb[] = [
  {
    name: 'export_definitions',
    usage: '<file>',
    run: async (ctl, [file = '']) => {
      const text = JSON.stringify(await ctl.api.get('definitions'), undefined, 2)
      if (file === STANDARD) return ctl.say(text)
      ctl.note(`Exporting definitions in JSON to a file at "${file}" ...`)
      // It holds the hashes of passwords.
      writeFileSync(file, `${text}\n`, { mode: 0o600 })
    },
  },
  {
    name: 'import_definitions',
    usage: '[<file>]',
    run: async (ctl, [file = STANDARD]) => {
      ctl.note(`Importing definitions in JSON from ${file === STANDARD ? 'standard input' : `a file at "${file}"`} ...`)
      await ctl.api.post(['definitions'], read(file))
      ctl.note('Everything is declared.')
    },
  },
]

function read(file: string): JsonObject {
  let value: Json
  try {
    value = JSON.parse(readFileSync(file === STANDARD ? STANDARD_INPUT_FD : file, 'utf8')) as Json // JSON.parse makes nothing else
  } catch (error) {
    throw new CtlError(EXIT.data, `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isJsonObject(value)) throw new CtlError(EXIT.data, `${file} holds no definitions`)
  return value
}
