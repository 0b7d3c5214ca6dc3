import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

test('explain says of the services of the README what the README shows', () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-readme-'))
  const main = here('../../packages/waybill/src/cli/main.ts')
  const args = ['--conditions=@waybill/source', main, 'explain', here('services.ts'), '--url', dir]
  const said = execFileSync(process.execPath, args, { encoding: 'utf8' })
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 }) // its broker ends when it misses its folder
  expect(said).toBe(readFileSync(here('promises.txt'), 'utf8'))
})
