import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url))
const VENV = fileURLToPath(new URL('../../node_modules/.cache/waybill-example-python', import.meta.url))
/** The second is the operating system's own, where another one comes first on the path. */
const INTERPRETERS = ['python3', '/usr/bin/python3']
const IMPORT_LIMIT_MS = 20_000
const INSTALL_LIMIT_MS = 120_000

/** An interpreter that has pika; else one in a virtual environment made from requirements.txt; else why there is none. */
export function findPython(): { readonly python?: string; readonly why?: string } {
  const ready = [...INTERPRETERS, join(VENV, 'bin/python')].find(hasPika)
  if (ready !== undefined) return { python: ready }
  const base = INTERPRETERS.find((python) => run(python, ['--version'], IMPORT_LIMIT_MS) === undefined)
  if (base === undefined) return { why: 'no python3' }
  const python = join(VENV, 'bin/python')
  const failure =
    (existsSync(python) ? undefined : run(base, ['-m', 'venv', VENV], INSTALL_LIMIT_MS)) ??
    run(python, ['-m', 'pip', 'install', '--quiet', '-r', REQUIREMENTS], INSTALL_LIMIT_MS)
  return failure === undefined ? { python } : { why: `python3 has no pika, and it cannot be installed: ${failure}` }
}

function hasPika(python: string): boolean {
  return run(python, ['-c', 'import pika'], IMPORT_LIMIT_MS) === undefined
}

/** What went wrong, or nothing. */
function run(program: string, args: readonly string[], timeout: number): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout })
  if (status === 0) return undefined
  return error?.message ?? (stderr.trim().split('\n').at(-1) || `${program} ended with ${status}`)
}
