import { fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { composeUp, hasEngine } from './compose.ts'
import { down } from './down.ts'
import { SERVER_KINDS, type ServerKind } from './kinds.ts'
import { isKept, ServerRecords, type ServerRecord } from './records.ts'

const KEEPER = fileURLToPath(new URL('keeper.ts', import.meta.url))

/**
 * Starts a server, unless one was started and runs: from the installed program, else by Docker Compose.
 *
 * @param port default: a free one
 * @throws {Error} why it does not run
 */
export async function up(kind: ServerKind, port: number | undefined): Promise<ServerRecord> {
  const records = new ServerRecords()
  const before = records.read(kind.name)
  if (before !== undefined) {
    if (isKept(before)) return started(before)
    // Its keeper was killed.
    await down(kind.name)
  }
  const missing = kind.missing()
  if (missing !== undefined) {
    if (!hasEngine()) throw new Error(`${missing} is not installed, nor is there Docker Compose with an engine`)
    const record = await composeUp(kind, port, SERVER_KINDS)
    records.write(record)
    return record
  }
  const log = openSync(records.log(kind.name), 'w')
  const keeper = fork(KEEPER, [kind.name, String(port ?? 0)], {
    detached: true,
    execArgv: ['--conditions=@waybill/source'],
    stdio: ['ignore', log, log, 'ipc'],
  })
  const exited = once(keeper, 'exit').then(() => ({ fault: `it has ended: see ${records.log(kind.name)}` }))
  const told = once(keeper, 'message').then(([news]) => news as { readonly fault?: string })
  const { fault } = await Promise.race([told, exited])
  if (fault !== undefined) throw new Error(fault)
  keeper.unref()
  const record = records.read(kind.name)
  if (record === undefined) throw new Error('somebody has ended it meanwhile')
  return started(record)
}

function started(record: ServerRecord): ServerRecord {
  if (record.url === '') throw new Error('somebody else is starting it')
  return record
}
