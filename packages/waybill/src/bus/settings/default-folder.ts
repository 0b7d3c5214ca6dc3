// The data folder of a bus for which no transport was named: `.waybill` at the workspace's root, so that every service of
// one repository finds the same folder, whatever directory it was started in.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { WaybillError } from '../../message/errors.ts'

/** A path has no more parents than this; the walk upwards ends by itself at the root long before. */
const MAX_PARENTS = 256

/**
 * @param from the directory to start from
 * @param production refuse: in production a folder is named, never guessed
 * @throws {WaybillError} `WAYBILL_NO_DEFAULT_FOLDER`
 */
export function defaultFolder(from: string, production: boolean): string {
  if (production) {
    throw new WaybillError(
      'WAYBILL_NO_DEFAULT_FOLDER',
      'no transport is named, WAYBILL_URL is not set, and NODE_ENV is production',
    )
  }
  return join(workspaceRoot(from), '.waybill')
}

/** The outermost of: a folder with a package.json that declares workspaces, a folder with .git; else the nearest package.json. */
function workspaceRoot(from: string): string {
  let nearest: string | undefined
  let folder = from
  for (let depth = 0; depth < MAX_PARENTS; depth++) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest)) {
      nearest ??= folder
      if (declaresWorkspaces(manifest)) return folder
    }
    if (existsSync(join(folder, '.git')) || existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder
    const parent = dirname(folder)
    if (parent === folder) break
    folder = parent
  }
  return nearest ?? from
}

function declaresWorkspaces(manifest: string): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(manifest, 'utf8'))
    return typeof content === 'object' && content !== null && 'workspaces' in content
  } catch (error) {
    if (error instanceof SyntaxError) return false // somebody's broken manifest is not ours to report
    throw error
  }
}
