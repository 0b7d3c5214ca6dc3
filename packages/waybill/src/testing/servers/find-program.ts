import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program in one of `folders`, or else on the PATH; `undefined` where it is not installed. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  return [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((program) => existsSync(program))
}
