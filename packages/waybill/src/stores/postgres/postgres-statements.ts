// Every statement of the store in the words of PostgreSQL, from 13.
import { OUTBOX_LANES } from '../../store/store.ts'
import type { Dialect } from '../sql/dialect.ts'
import type { SchemaStatements } from '../sql/migrate.ts'
import type { OutboxStatements } from '../sql/outbox.ts'
import { portions } from '../sql/portions.ts'
import { postgresOperations } from './postgres-operations.ts'
import { numberArray, packed, PACKED, PACKED_COLUMNS, textArray, UNPACKED } from './postgres-rows.ts'
import type { Say } from './postgres-say.ts'
import { NOW_MS, postgresSteps } from './postgres-schema.ts'

/** Of one insert; the server's own limit of a value is 1 GiB. */
const PORTION = { rows: 5_000, bytes: 64 * 2 ** 20 } as const
/** Of the advisory lock under which one process at a time migrates: "Wayb". */
const LOCK = 0x57617962
const OLDEST_SERVER = 130_000

/**
 * Planned anew each time: a plan that is kept would be one of when the table was nearly empty, which reads all of it for a list
 * of rows, and would do so when it has a million.
 */
const EACH_TIME = undefined

/** @param schema fit to stand in a statement; statements are prepared under names with it */
export function postgresDialect(schema: string): Dialect {
  const say: Say = (name, text, ...values) => ({
    ...(name === undefined ? {} : { name: `waybill_store ${schema} ${name}` }),
    text,
    values,
  })
  const table = (name: string): string => `${schema}.waybill_${name}`
  return {
    schema: schemaStatements(schema, say),
    outbox: outboxStatements(table, say),
    operations: postgresOperations(table, say),
    inbox: {
      // Where another transaction has just written the same key, it waits for that; READ COMMITTED then sees what became of it.
      receive: (group, keys) =>
        say(
          'receive',
          `INSERT INTO ${table('inbox')} (owner, id) SELECT $1, id FROM unnest($2::text[]) AS id
           ON CONFLICT DO NOTHING RETURNING id AS key`,
          group,
          textArray(keys),
        ),
      written: undefined,
      forget: (olderThanMs, limit) =>
        say(
          'forget',
          `DELETE FROM ${table('inbox')} WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM ${table('inbox')} WHERE received < ${NOW_MS} - $1::bigint
             ORDER BY received LIMIT (SELECT $2::int) FOR UPDATE SKIP LOCKED))`,
          olderThanMs,
          limit,
        ),
    },
    lanes: {
      lock: (owner) =>
        say(
          'lanes',
          `SELECT lane, CASE WHEN owner IS NULL OR until <= ${NOW_MS} THEN 0 WHEN owner = $1 THEN 1 ELSE 2 END AS state
           FROM ${table('lane')} ORDER BY lane FOR UPDATE`,
          owner,
        ),
      announce: (owner, leaseMs) =>
        say(
          'announce',
          `INSERT INTO ${table('relay')} (owner, until) VALUES ($1, ${NOW_MS} + $2::bigint)
           ON CONFLICT (owner) DO UPDATE SET until = excluded.until`,
          owner,
          leaseMs,
        ),
      hold: (lanes, owner, leaseMs) =>
        say(
          'hold',
          `UPDATE ${table('lane')} SET owner = $1, until = ${NOW_MS} + $2::bigint WHERE lane = ANY ($3::smallint[])`,
          owner,
          leaseMs,
          numberArray(lanes),
        ),
      free: (lanes) =>
        say('free', `UPDATE ${table('lane')} SET owner = NULL WHERE lane = ANY ($1::smallint[])`, numberArray(lanes)),
      release: (owner) => say('release', `UPDATE ${table('lane')} SET owner = NULL WHERE owner = $1`, owner),
      forget: (owner) =>
        say('leave', `DELETE FROM ${table('relay')} WHERE owner = $1 OR until <= ${NOW_MS}`, owner ?? null),
      countOwners: () => say('relays', `SELECT count(*)::int AS count FROM ${table('relay')} WHERE until > ${NOW_MS}`),
    },
    schedule: {
      insert: (rows) =>
        portions(rows, PORTION).map((portion) =>
          say(
            'schedule',
            `INSERT INTO ${table('schedule')} (due, id, every, lane, target, head, body)
             SELECT r.due, r.id, r.every, ${UNPACKED}
             FROM ${PACKED}, $9::bigint[], $10::text[], $11::bigint[]) AS r (${PACKED_COLUMNS}, due, id, every)
             ON CONFLICT (id) DO NOTHING`,
            ...packed(portion),
            numberArray(portion.map(({ due }) => due)),
            textArray(portion.map(({ id }) => id)),
            numberArray(portion.map(({ every }) => every)),
          ),
        ),
      cancel: (ids) => say(EACH_TIME, `DELETE FROM ${table('schedule')} WHERE id = ANY ($1::text[])`, textArray(ids)),
      due: (limit) =>
        say(
          'due',
          `SELECT seq::text, due::text, every::text, lane, target, head, body, (${NOW_MS})::text AS now
           FROM ${table('schedule')} WHERE due <= ${NOW_MS} ORDER BY due, seq LIMIT (SELECT $1::int) FOR UPDATE SKIP LOCKED`,
          limit,
        ),
      remove: (seqs) =>
        say(EACH_TIME, `DELETE FROM ${table('schedule')} WHERE seq = ANY ($1::bigint[])`, numberArray(seqs)),
      postpone: (seq, due, head) =>
        say(
          'postpone',
          `UPDATE ${table('schedule')} SET due = $2::bigint, head = $3 WHERE seq = $1::bigint`,
          String(seq),
          due,
          head,
        ),
      next: () => say('next', `SELECT (min(due) - ${NOW_MS})::text AS wait FROM ${table('schedule')}`),
    },
    sequences: {
      add: (counter, count) => [
        say(
          'count',
          `INSERT INTO ${table('sequence')} AS s (counter, value) VALUES ($1, $2::bigint)
           ON CONFLICT (counter) DO UPDATE SET value = s.value + excluded.value RETURNING value::text`,
          counter,
          count,
        ),
      ],
      observe: (counter, sequence) => [
        say(
          'observe',
          `INSERT INTO ${table('sequence')} AS s (counter, value) VALUES ($1, $2::bigint)
           ON CONFLICT (counter) DO UPDATE SET previous = s.value, value = greatest(s.value, excluded.value)
           RETURNING previous::text`,
          counter,
          sequence,
        ),
      ],
    },
  }
}

function outboxStatements(table: (name: string) => string, say: Say): OutboxStatements {
  const outbox = table('outbox')
  const columns = 'position::text, lane, target, head, body, attempts'
  return {
    insert: (rows) =>
      portions(rows, PORTION).map((portion) =>
        say(
          'enqueue',
          `INSERT INTO ${outbox} (lane, target, head, body) SELECT ${UNPACKED} FROM ${PACKED}) AS r (${PACKED_COLUMNS})`,
          ...packed(portion),
        ),
      ),
    // All lanes are one scan. Otherwise one for each, merged in the order of positions: it reads what it returns, however much there
    // is of other lanes. The limit stands where the planner cannot see it: it expects to stop early then, whatever its statistics
    // say of a table that is empty now and long then, and reads in the order of the index instead of sorting all.
    fetch: (lanes, after, limit) =>
      lanes.length === OUTBOX_LANES
        ? say(
            'fetch',
            `SELECT ${columns} FROM ${outbox} WHERE position > $1::bigint AND NOT parked
             ORDER BY ${outbox}.position LIMIT (SELECT $2::int)`,
            String(after),
            limit,
          )
        : say(
            `fetch ${lanes.length}`,
            lanes
              .map(
                (_, n) =>
                  `(SELECT ${columns}, position AS at FROM ${outbox} WHERE lane = $${n + 3}::smallint AND position > $1::bigint AND NOT parked ORDER BY ${outbox}.position LIMIT (SELECT $2::int))`,
              ) // prettier-ignore
              .join(' UNION ALL ')
              .concat(lanes.length === 1 ? '' : ' ORDER BY at LIMIT (SELECT $2::int)'),
            String(after),
            limit,
            ...lanes,
          ),
    remove: (positions) =>
      say(EACH_TIME, `DELETE FROM ${outbox} WHERE position = ANY ($1::bigint[])`, numberArray(positions)),
    noteRefusal: (position, error) =>
      say(
        'refused',
        `UPDATE ${outbox} SET attempts = attempts + 1, error = $2 WHERE position = $1::bigint`,
        String(position),
        error,
      ),
    park: (position, error) =>
      say(
        'park',
        `UPDATE ${outbox} SET parked = true, since = ${NOW_MS}, attempts = attempts + 1, error = $2 WHERE position = $1::bigint`,
        String(position),
        error,
      ),
    parked: (limit) =>
      say(
        'parked',
        `SELECT ${columns}, error FROM ${outbox} WHERE parked ORDER BY ${outbox}.position LIMIT $1::int`,
        limit,
      ),
    unpark: (positions) => [
      say(
        EACH_TIME,
        `WITH old AS (DELETE FROM ${outbox} WHERE parked AND position = ANY ($1::bigint[])
           RETURNING position, lane, target, head, body)
         INSERT INTO ${outbox} (lane, target, head, body) SELECT lane, target, head, body FROM old ORDER BY position`,
        numberArray(positions),
      ),
    ],
    count: (upTo) =>
      say(
        'inspect',
        `SELECT (SELECT count(*)::int FROM (SELECT FROM ${outbox} WHERE NOT parked LIMIT $1::int) AS w) AS waiting,
           (SELECT count(*)::int FROM (SELECT FROM ${outbox} WHERE parked LIMIT $1::int) AS p) AS parked,
           (SELECT count(*)::int FROM (SELECT FROM ${table('schedule')} LIMIT $1::int) AS s) AS scheduled,
           (SELECT (${NOW_MS} - created)::text FROM ${outbox} WHERE NOT parked ORDER BY position LIMIT 1) AS oldest`,
        upTo,
      ),
  }
}

function schemaStatements(schema: string, say: Say): SchemaStatements {
  const version = `${schema}.waybill_version`
  return {
    place: `schema ${schema}`,
    isTransactional: true,
    server: say(undefined, `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version`), // prettier-ignore
    serverProblem: ({ rows: [row] }) =>
      Number(row?.['number']) >= OLDEST_SERVER
        ? undefined
        : `PostgreSQL ${String(row?.['version'])} is too old: 13 or later is needed`,
    // Whoever may not make schemas may be given one that is there.
    prepare: [
      say(
        undefined,
        `DO $make$ BEGIN IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA ${schema}; END IF; END $make$`,
      ),
    ],
    lock: say(undefined, 'SELECT pg_advisory_xact_lock($1::int, hashtext($2))', LOCK, version),
    unlock: undefined,
    // Read as a table: what the server remembers of names may be older than the lock that was waited for.
    hasVersion: say(
      undefined,
      `SELECT 1 AS one FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = 'waybill_version'`,
      schema,
    ),
    readVersion: say(undefined, `SELECT version, least FROM ${version}`),
    writeVersion: (number, least) => [
      say(undefined, `DELETE FROM ${version}`),
      say(undefined, `INSERT INTO ${version} (version, least) VALUES ($1::int, $2::int)`, number, least),
    ],
    makeVersion: say(undefined, `CREATE TABLE ${version} (version integer NOT NULL, least integer NOT NULL)`),
    steps: postgresSteps(schema).map((step) => step.map((text) => say(undefined, text))),
    check: undefined,
  }
}
