import type { Client } from 'pg'
import { WaybillError } from '../../message/errors.ts'
import { SCHEMA_VERSION, STEPS } from './schema.ts'
import type { Settings } from './settings.ts'

/** Of the advisory lock under which one process at a time migrates: "Wayb". */
const LOCK = 0x57617962

interface Version {
  readonly version: number
  /** The oldest code that may use it. */
  readonly least: number
}

/**
 * Brings the schema up to this code's version, one process at a time, in one transaction. A schema that is newer than this
 * code is left as it is, and used where it says that this version may.
 *
 * @throws {WaybillError} WAYBILL_STORE_VERSION when it is too new; WAYBILL_NOT_FOUND when it is not there and may not be made
 */
export async function migrate(client: Client, { schema, migrate: may }: Settings): Promise<void> {
  if (isCurrent(await versionOf(client, schema), schema)) return
  if (!may)
    throw new WaybillError('WAYBILL_NOT_FOUND', `schema ${schema} is not there, or not up to date`, {
      cure: 'Connect once with migrate: true, as a user that may make it.',
    })
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK, schema])
    const found = await versionOf(client, schema)
    if (!isCurrent(found, schema)) {
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
      await client.query(`SET LOCAL search_path TO ${schema}`)
      if (found === undefined)
        await client.query('CREATE TABLE version (version integer NOT NULL, least integer NOT NULL)')
      for (const step of STEPS.slice(found?.version ?? 0)) await client.query(step)
      await client.query('DELETE FROM version')
      await client.query('INSERT INTO version VALUES ($1, $2)', [SCHEMA_VERSION, Math.max(1, SCHEMA_VERSION - 1)])
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined) // the link may be what failed
    throw error
  }
}

async function versionOf(client: Client, schema: string): Promise<Version | undefined> {
  // Read as a table: what the server remembers of names may be older than the lock that we have waited for.
  const there = await client.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'version'`,
    [schema],
  )
  if (there.rows.length === 0) return undefined
  return (await client.query<Version>(`SELECT version, least FROM ${schema}.version`)).rows[0]
}

function isCurrent(found: Version | undefined, schema: string): boolean {
  if (found === undefined || found.version < SCHEMA_VERSION) return false
  if (found.least <= SCHEMA_VERSION) return true
  throw new WaybillError(
    'WAYBILL_STORE_VERSION',
    `schema ${schema} has version ${found.version}, made for versions from ${found.least}; this one is ${SCHEMA_VERSION}`,
    { cure: 'Upgrade Waybill; a schema is never brought back to an older version.' },
  )
}
