import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the code of the README prints what the README says, and ends on SIGTERM', { timeout: 30_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-readme-'))
  const child = spawn(
    process.execPath,
    ['--conditions=@waybill/source', fileURLToPath(new URL('main.ts', import.meta.url))],
    {
      env: { ...process.env, WAYBILL_URL: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += String(chunk)
    if (output.endsWith('\n')) child.kill('SIGTERM')
  }
  // The broker process ends when it misses its folder.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  expect(output).toBe('packing book for order-1\n')
  expect(child.signalCode).toBeNull()
})
