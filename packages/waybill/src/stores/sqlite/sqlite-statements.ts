// Every statement of the store in the words of SQLite, from 3.42. Lists come as JSON, so that each statement is prepared once.
// `waybill_now()` is the clock of this process, in milliseconds: SQLite has none of its own.
import { OUTBOX_LANES } from '../../store/store.ts'
import type { Dialect } from '../sql/dialect.ts'
import type { Row, Statement } from '../sql/executor.ts'
import { SQLITE_OPERATIONS } from './sqlite-operations.ts'
import { SQLITE_STEPS } from './sqlite-schema.ts'

const sql = (text: string, ...values: readonly unknown[]): Statement => ({ text, values })
const list = (values: readonly (string | number | bigint)[]): string =>
  // Numbers as they are: those of 64 bits are none of JSON's in JavaScript, but are in SQLite's.
  `[${values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : String(value))).join(',')}]`

const AT = 'IN (SELECT value FROM json_each(?))'
const COLUMNS = 'position, lane, target, head, body, attempts'

export const SQLITE: Dialect = {
  schema: {
    place: 'the database',
    isTransactional: true,
    server: sql('SELECT sqlite_version() AS version'),
    serverProblem: ({ rows: [row] }) => versionProblem(row),
    prepare: [],
    lock: undefined, // the transaction is one
    unlock: undefined,
    hasVersion: sql(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'waybill_version'`),
    readVersion: sql('SELECT version, least FROM waybill_version'),
    writeVersion: (version, least) => [
      sql('DELETE FROM waybill_version'),
      sql('INSERT INTO waybill_version (version, least) VALUES (?, ?)', version, least),
    ],
    makeVersion: sql('CREATE TABLE waybill_version (version INTEGER NOT NULL, least INTEGER NOT NULL) STRICT'),
    steps: SQLITE_STEPS.map((step) => step.map((text) => sql(text))),
    check: undefined,
  },
  inbox: {
    receive: (group, keys) =>
      sql(
        `INSERT INTO waybill_inbox (owner, id, received) SELECT ?, value, waybill_now() FROM json_each(?) WHERE true
         ON CONFLICT DO NOTHING RETURNING id AS key`,
        group,
        list(keys),
      ),
    written: undefined,
    forget: (olderThanMs, limit) =>
      sql(
        `DELETE FROM waybill_inbox WHERE (owner, id) IN
           (SELECT owner, id FROM waybill_inbox WHERE received < waybill_now() - ? ORDER BY received LIMIT ?)`,
        olderThanMs,
        limit,
      ),
  },
  outbox: {
    // In this process a row costs no round trip.
    insert: (rows) =>
      rows.map(({ lane, target, head, body }) =>
        sql(
          'INSERT INTO waybill_outbox (lane, target, head, body, created) VALUES (?, ?, ?, ?, waybill_now())',
          lane,
          target,
          head,
          body,
        ),
      ),
    // All lanes are one scan. Otherwise one for each, merged: other lanes may be as long as they like.
    fetch: (lanes, after, limit) =>
      lanes.length === OUTBOX_LANES
        ? sql(
            `SELECT ${COLUMNS} FROM waybill_outbox NOT INDEXED
             WHERE position > ?1 AND NOT parked ORDER BY position LIMIT ?2`,
            after,
            limit,
          )
        : sql(
            lanes
              .map(
                (lane) => `SELECT ${COLUMNS} FROM waybill_outbox WHERE lane = ${lane} AND position > ?1 AND NOT parked`,
              )
              .join(' UNION ALL ')
              .concat(' ORDER BY position LIMIT ?2'),
            after,
            limit,
          ),
    remove: (positions) => sql(`DELETE FROM waybill_outbox WHERE position ${AT}`, list(positions)),
    noteRefusal: (position, error) =>
      sql('UPDATE waybill_outbox SET attempts = attempts + 1, error = ? WHERE position = ?', error, position),
    park: (position, error) =>
      sql(
        `UPDATE waybill_outbox SET parked = 1, since = waybill_now(), attempts = attempts + 1, error = ?
         WHERE position = ?`,
        error,
        position,
      ),
    parked: (limit) =>
      sql(`SELECT ${COLUMNS}, error FROM waybill_outbox WHERE parked ORDER BY position LIMIT ?`, limit),
    unpark: (positions) => [
      sql(
        `INSERT INTO waybill_outbox (lane, target, head, body, created) SELECT lane, target, head, body, waybill_now()
         FROM waybill_outbox WHERE parked AND position ${AT} ORDER BY position`,
        list(positions),
      ),
      sql(`DELETE FROM waybill_outbox WHERE parked AND position ${AT}`, list(positions)),
    ],
    count: (upTo) =>
      sql(
        `SELECT (SELECT count(*) FROM (SELECT 1 FROM waybill_outbox WHERE NOT parked LIMIT ?)) AS waiting,
           (SELECT count(*) FROM (SELECT 1 FROM waybill_outbox WHERE parked LIMIT ?)) AS parked,
           (SELECT count(*) FROM (SELECT 1 FROM waybill_schedule LIMIT ?)) AS scheduled,
           (SELECT waybill_now() - created FROM waybill_outbox WHERE NOT parked ORDER BY position LIMIT 1) AS oldest`,
        upTo,
        upTo,
        upTo,
      ),
  },
  operations: SQLITE_OPERATIONS,
  lanes: {
    lock: (owner) =>
      sql(
        `SELECT lane, CASE WHEN owner IS NULL OR until <= waybill_now() THEN 0 WHEN owner = ? THEN 1 ELSE 2 END AS state
         FROM waybill_lane ORDER BY lane`,
        owner,
      ),
    announce: (owner, leaseMs) =>
      sql(
        `INSERT INTO waybill_relay (owner, until) VALUES (?, waybill_now() + ?)
         ON CONFLICT (owner) DO UPDATE SET until = excluded.until`,
        owner,
        leaseMs,
      ),
    hold: (lanes, owner, leaseMs) =>
      sql(`UPDATE waybill_lane SET owner = ?, until = waybill_now() + ? WHERE lane ${AT}`, owner, leaseMs, list(lanes)),
    free: (lanes) => sql(`UPDATE waybill_lane SET owner = NULL WHERE lane ${AT}`, list(lanes)),
    release: (owner) => sql('UPDATE waybill_lane SET owner = NULL WHERE owner = ?', owner),
    forget: (owner) => sql('DELETE FROM waybill_relay WHERE owner = ? OR until <= waybill_now()', owner ?? null),
    countOwners: () => sql('SELECT count(*) AS count FROM waybill_relay WHERE until > waybill_now()'),
  },
  schedule: {
    insert: (rows) =>
      rows.map(({ due, id, every, lane, target, head, body }) =>
        sql(
          `INSERT INTO waybill_schedule (due, id, every, lane, target, head, body) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO NOTHING`,
          due,
          id,
          every,
          lane,
          target,
          head,
          body,
        ),
      ),
    cancel: (ids) => sql(`DELETE FROM waybill_schedule WHERE id ${AT}`, list(ids)),
    due: (limit) =>
      sql(
        `SELECT seq, due, every, lane, target, head, body, waybill_now() AS now FROM waybill_schedule
         WHERE due <= waybill_now() ORDER BY due, seq LIMIT ?`,
        limit,
      ),
    remove: (seqs) => sql(`DELETE FROM waybill_schedule WHERE seq ${AT}`, list(seqs)),
    postpone: (seq, due, head) => sql('UPDATE waybill_schedule SET due = ?, head = ? WHERE seq = ?', due, head, seq),
    next: () => sql('SELECT min(due) - waybill_now() AS wait FROM waybill_schedule'),
  },
  sequences: {
    add: (counter, count) => [
      sql(
        `INSERT INTO waybill_sequence (counter, value) VALUES (?, ?)
         ON CONFLICT (counter) DO UPDATE SET value = value + excluded.value RETURNING value`,
        counter,
        count,
      ),
    ],
    observe: (counter, sequence) => [
      sql(
        `INSERT INTO waybill_sequence (counter, value) VALUES (?, ?)
         ON CONFLICT (counter) DO UPDATE SET previous = value, value = max(value, excluded.value) RETURNING previous`,
        counter,
        sequence,
      ),
    ],
  },
}

function versionProblem(row: Row | undefined): string | undefined {
  const version = String(row?.['version'])
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 3 || (major === 3 && minor >= 42) ? undefined : `SQLite ${version} is too old: 3.42 or later is needed`
}
