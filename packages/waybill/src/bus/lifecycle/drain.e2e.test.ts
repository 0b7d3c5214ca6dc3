import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const CHILD = fileURLToPath(new URL('drain.child.test-support.ts', import.meta.url))

async function run(
  dir: string,
  args: readonly string[],
  stopAfter: string,
): Promise<{ output: string; code: number | null }> {
  const child = spawn(process.execPath, [CHILD, dir, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const before = output.includes(stopAfter)
    output += String(chunk)
    if (!before && output.includes(stopAfter)) child.kill('SIGTERM')
  }
  return { output, code: await exited }
}

test(
  'SIGTERM lets the running handler end, starts no other, and leaves the rest to the next process',
  { timeout: 30_000 },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'waybill-drain-'))
    try {
      expect(await run(dir, ['publish'], 'begin 1')).toEqual({ output: 'begin 1\nend 1\n', code: 0 })
      expect(await run(dir, [], 'end 2')).toEqual({ output: 'begin 2\nend 2\n', code: 0 })
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
)
