// What operators ask of the outbox, in the words of PostgreSQL.
import type { OperationStatements } from '../sql/operations.ts'
import { NOW_MS } from './postgres-schema.ts'
import type { Say } from './postgres-say.ts'

const COLUMNS = `position::text, lane, target, head, attempts, error, created::text, since::text,
  octet_length(body) AS bytes`
const REMOVED = `number::text, removed::text, actor, note, position::text, 0 AS lane, target, head, attempts, error,
  created::text, since::text, bytes, sha256`

/** An operator comes once: none of these is prepared. */
export function postgresOperations(table: (name: string) => string, say: Say): OperationStatements {
  const outbox = table('outbox')
  const removed = table('removed')
  return {
    backlog: (upTo, limit) =>
      say(
        undefined,
        `SELECT target, parked, count(*)::int AS count, (${NOW_MS} - min(created))::text AS oldest FROM (
           (SELECT target, 0 AS parked, created FROM ${outbox} WHERE NOT parked ORDER BY position LIMIT (SELECT $1::int))
           UNION ALL
           (SELECT target, 1 AS parked, created FROM ${outbox} WHERE parked ORDER BY position LIMIT (SELECT $1::int))) AS r
         GROUP BY target, parked ORDER BY 3 DESC, target, parked LIMIT $2::int`,
        upTo,
        limit,
      ),
    parked: (after, limit) =>
      say(
        undefined,
        `SELECT ${COLUMNS} FROM ${outbox} WHERE parked AND position > $1::bigint
         ORDER BY ${outbox}.position LIMIT $2::int`,
        String(after),
        limit,
      ),
    find: (position) =>
      say(
        undefined,
        `SELECT ${COLUMNS}, body FROM ${outbox} WHERE parked AND position = $1::bigint FOR UPDATE`,
        String(position),
      ),
    note: (row) =>
      say(
        undefined,
        `INSERT INTO ${removed} (actor, note, position, attempts, created, since, target, head, error, bytes, sha256)
         VALUES ($1, $2, $3::bigint, $4::int, $5::bigint, $6::bigint, $7, $8, $9, $10::int, $11)`,
        row.actor,
        row.note,
        String(row.position),
        row.attempts,
        row.created,
        row.since,
        row.target,
        row.head,
        row.error,
        row.bytes,
        row.sha256,
      ),
    removed: (before, limit) =>
      say(
        undefined,
        `SELECT ${REMOVED} FROM ${removed} WHERE $1::bigint IS NULL OR number < $1::bigint
         ORDER BY ${removed}.number DESC LIMIT $2::int`,
        before === undefined ? null : String(before),
        limit,
      ),
  }
}
