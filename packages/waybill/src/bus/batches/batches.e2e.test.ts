// A process that is killed in the middle of its batches, again and again.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const CHILD = fileURLToPath(new URL('batches.child.test-support.ts', import.meta.url))
const MESSAGES = 100

/** Until it dies, or everything is booked. */
async function live(args: readonly string[]): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, ['--conditions=@waybill/source', CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  for await (const chunk of child.stdout.setEncoding('utf8'))
    if (String(chunk).includes(`booked ${MESSAGES}\n`)) child.kill('SIGTERM')
  return await exited
}

test('each message of batches that died is booked once', { timeout: 120_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'waybill-batches-'))
  try {
    await live([dir, String(MESSAGES)])
    let deaths = 0
    while ((await live([dir])) === 'SIGKILL' && deaths < 60) deaths++
    const database = new DatabaseSync(join(dir, 'books.db'))
    const booked = database
      .prepare('select n from books order by n')
      .all()
      .map(({ n }) => Number(n))
    database.close()
    expect(booked).toEqual(Array.from({ length: MESSAGES }, (_, n) => n))
    expect(deaths).toBeGreaterThan(3)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
