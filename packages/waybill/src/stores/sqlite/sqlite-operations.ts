// What operators ask of the outbox, in the words of SQLite.
import type { Statement } from '../sql/executor.ts'
import type { OperationStatements } from '../sql/operations.ts'

const sql = (text: string, ...values: readonly unknown[]): Statement => ({ text, values })

const COLUMNS = 'position, lane, target, head, attempts, error, created, since, length(body) AS bytes'
const REMOVED = `number, removed, actor, note, position, 0 AS lane, target, head, attempts, error, created, since, bytes,
  sha256`

export const SQLITE_OPERATIONS: OperationStatements = {
  backlog: (upTo, limit) =>
    sql(
      `SELECT target, parked, count(*) AS count, waybill_now() - min(created) AS oldest FROM (
         SELECT * FROM (SELECT target, 0 AS parked, created FROM waybill_outbox WHERE NOT parked ORDER BY position LIMIT ?1)
         UNION ALL
         SELECT * FROM (SELECT target, 1 AS parked, created FROM waybill_outbox WHERE parked ORDER BY position LIMIT ?1))
       GROUP BY target, parked ORDER BY count DESC, target, parked LIMIT ?2`,
      upTo,
      limit,
    ),
  parked: (after, limit) =>
    sql(`SELECT ${COLUMNS} FROM waybill_outbox WHERE parked AND position > ? ORDER BY position LIMIT ?`, after, limit),
  find: (position) => sql(`SELECT ${COLUMNS}, body FROM waybill_outbox WHERE parked AND position = ?`, position),
  note: (row) =>
    sql(
      `INSERT INTO waybill_removed
         (removed, actor, note, position, attempts, created, since, target, head, error, bytes, sha256)
       VALUES (waybill_now(), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.actor,
      row.note,
      row.position,
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
    before === undefined
      ? sql(`SELECT ${REMOVED} FROM waybill_removed ORDER BY number DESC LIMIT ?`, limit)
      : sql(`SELECT ${REMOVED} FROM waybill_removed WHERE number < ? ORDER BY number DESC LIMIT ?`, before, limit),
}
