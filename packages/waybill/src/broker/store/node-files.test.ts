import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { nodeFiles } from './node-files.ts'

const home = mkdtempSync(join(tmpdir(), 'waybill-files-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

test.skipIf(process.platform === 'win32')('nodeFiles() makes folder and files for this user alone', async () => {
  const folder = join(home, 'a', 'b')
  const files = await nodeFiles(folder)
  await files.preallocate('x.log', 4_096)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(statSync(join(folder, 'x.log')).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder, 'x.log')).size).toBe(4_096)
})
