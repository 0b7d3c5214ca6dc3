// The tables, made and brought up to date in steps. A step is never changed once it is released, and adds alone, so that the
// version before this one goes on working while services are upgraded.
import { asText } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Answer, Executor, Statement } from './executor.ts'

/** The version that the steps lead to. */
export const STORE_VERSION = 2
/** The oldest version of Waybill's that may use tables of this one. */
const OLDEST_USER = 1

export interface SchemaStatements {
  /** Where the tables are, for people. */
  readonly place: string
  /** Whether a statement that makes a table is undone with its transaction. */
  readonly isTransactional: boolean
  /** What the database must be able to do is asked by this. */
  readonly server: Statement | undefined
  /** Why the answer to it will not do; `undefined` where it does. */
  serverProblem(answer: Answer): string | undefined
  /** Makes what is before the first table, for instance a schema. */
  readonly prepare: readonly Statement[]
  /** Waits until no other process migrates; answers `taken` = 1, where it may fail. */
  readonly lock: Statement | undefined
  readonly unlock: Statement | undefined
  /** One row where the table of versions is there. */
  readonly hasVersion: Statement
  /** `version` and `least`. */
  readonly readVersion: Statement
  writeVersion(version: number, least: number): readonly Statement[]
  readonly makeVersion: Statement
  /** For each version, from the first. Each may be run again where {@link isTransactional} is not. */
  readonly steps: readonly (readonly Statement[])[]
  /** Finds what the tables must not be; no row where all is well. `what` says it to people. */
  readonly check: Statement | undefined
}

interface Version {
  readonly version: number
  readonly least: number
}

/**
 * Brings the tables up to this code's version, one process at a time. Tables that are newer are left as they are, and used
 * where they say that this version may.
 *
 * @throws {WaybillError} WAYBILL_STORE_VERSION when they are too new; WAYBILL_NOT_FOUND when they are not there, or old, and may
 * not be made; WAYBILL_UNSUPPORTED when the server will not do
 */
export async function migrate<Tx>(executor: Executor<Tx>, sql: SchemaStatements, may: boolean): Promise<void> {
  await checkServer(executor, sql)
  const alone = (statement: Statement): Promise<Answer> => executor.once(statement)
  if (!isCurrent(await versionOf(alone, sql), sql)) {
    if (!may)
      throw new WaybillError('WAYBILL_NOT_FOUND', `the tables of ${sql.place} are not there, or not up to date`, {
        cure: 'Run `npx waybill store migrate --url …` as a user of the database who may make them, or open once with migrate: true.',
      })
    if (sql.isTransactional)
      await executor.transaction((tx) => takeSteps((statement) => executor.run(tx, statement), sql))
    else await executor.connection((tx) => takeSteps((statement) => executor.run(tx, statement), sql))
  }
  const [wrong] = sql.check === undefined ? [] : (await executor.once(sql.check)).rows
  if (wrong !== undefined) throw new WaybillError('WAYBILL_UNSUPPORTED', `${sql.place}: ${asText(wrong['what'])}`)
}

type Run = (statement: Statement) => Promise<Answer>

async function checkServer<Tx>(executor: Executor<Tx>, sql: SchemaStatements): Promise<void> {
  if (sql.server === undefined) return
  const problem = sql.serverProblem(await executor.once(sql.server))
  if (problem !== undefined) throw new WaybillError('WAYBILL_UNSUPPORTED', problem)
}

async function takeSteps(run: Run, sql: SchemaStatements): Promise<void> {
  if (sql.lock !== undefined) {
    const taken = (await run(sql.lock)).rows[0]?.['taken']
    if (taken !== undefined && Number(taken) !== 1)
      throw new WaybillError('WAYBILL_STORE_IN_USE', `another process has been migrating ${sql.place} for too long`)
  }
  try {
    const found = await versionOf(run, sql)
    if (isCurrent(found, sql)) return
    for (const statement of sql.prepare) await run(statement)
    if (found === undefined) await run(sql.makeVersion)
    for (const statement of sql.steps.slice(found?.version ?? 0).flat()) await run(statement)
    for (const statement of sql.writeVersion(STORE_VERSION, OLDEST_USER)) await run(statement)
  } finally {
    // Where the transaction, or the connection, holds the lock, it goes with that.
    if (sql.unlock !== undefined) await run(sql.unlock).catch(() => undefined)
  }
}

async function versionOf(run: Run, sql: SchemaStatements): Promise<Version | undefined> {
  if ((await run(sql.hasVersion)).rows.length === 0) return undefined
  const [row] = (await run(sql.readVersion)).rows
  // Made by who ended before the first step was done.
  if (row === undefined) return undefined
  return { version: Number(row['version']), least: Number(row['least']) }
}

function isCurrent(found: Version | undefined, { place }: SchemaStatements): boolean {
  if (found === undefined || found.version < STORE_VERSION) return false
  if (found.least <= STORE_VERSION) return true
  throw new WaybillError(
    'WAYBILL_STORE_VERSION',
    `the tables of ${place} have version ${found.version}, made for versions from ${found.least}; this one is ${STORE_VERSION}`,
    { cure: 'Upgrade Waybill; tables are never brought back to an older version.' },
  )
}
