import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ledger } from './ledger.ts'

/** A life is killed at a random moment up to this: from before the log is open to a few thousand messages later. */
const LONGEST_LIFE_MS = 1_200
/** Long enough for everything to be delivered, so that the ledger closes. */
const LAST_LIFE_MS = 5_000

/** Kills a broker under load on a real folder, again and again, with SIGKILL. */
export async function killAgainAndAgain(runs: number, random: () => number, ledger: Ledger): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-torture-'))
  const file = join(folder, 'ledger')
  const worker = join(import.meta.dirname, 'worker.ts')
  let read = 0
  try {
    for (let life = 0; life < runs && ledger.violations.length === 0; life++) {
      const lifeMs = life === runs - 1 ? LAST_LIFE_MS : 150 + random() * LONGEST_LIFE_MS
      const child = spawn(
        process.execPath,
        ['--conditions=@waybill/source', worker, join(folder, 'data'), file, String(life)],
        { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, NODE_NO_WARNINGS: '1' } },
      )
      const exited = once(child, 'exit')
      await new Promise((resolve) => setTimeout(resolve, lifeMs))
      child.kill('SIGKILL')
      await exited
      const text = await readFile(file, 'utf8').catch(() => '')
      const end = text.lastIndexOf('\n') + 1
      ledger.judge(text.slice(read, end).split('\n'))
      read = end
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
