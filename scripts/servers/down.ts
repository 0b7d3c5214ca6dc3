import { setTimeout as delay } from 'node:timers/promises'
import { composeDown } from './compose.ts'
import { runs, signal } from './processes.ts'
import { ServerRecords } from './records.ts'

/** What a server may take to end; then its processes are killed. */
const END_MS = 30_000
const LOOK_EVERY_MS = 50

/** Ends what `up` has started by that name, and waits for it. `false` when it has started none. */
export async function down(name: string): Promise<boolean> {
  const records = new ServerRecords()
  const record = records.read(name)
  if (record === undefined) return false
  if (record.composeProject !== undefined) composeDown(record.composeProject)
  const { processes } = record
  const [keeper] = processes
  if (keeper !== undefined) signal(keeper, 'SIGTERM')
  const until = performance.now() + END_MS
  const hasTime = (): boolean => keeper !== undefined && runs(keeper) && performance.now() < until
  while (hasTime()) await delay(LOOK_EVERY_MS)
  // What a keeper that was killed has left.
  for (const each of processes) signal(each, 'SIGKILL')
  while (processes.some(runs)) await delay(LOOK_EVERY_MS)
  records.remove(name)
  return true
}
