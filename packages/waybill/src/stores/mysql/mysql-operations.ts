// What operators ask of the outbox, in the words of MySQL and MariaDB.
import type { Statement } from '../sql/executor.ts'
import type { OperationStatements } from '../sql/operations.ts'
import { integer, literal } from './mysql-literal.ts'
import { NOW_MS } from './mysql-schema.ts'

const sql = (text: string): Statement => ({ text, values: [] })

const bytesOf = (columns: readonly string[]): string =>
  columns.map((column) => `CAST(${column} AS BINARY) AS ${column}`).join(', ')
const COMMON = `position, attempts, created, since, ${bytesOf(['target', 'head', 'error'])}`
const COLUMNS = `${COMMON}, lane, LENGTH(body) AS bytes`
const REMOVED = `${COMMON}, 0 AS lane, bytes, number, removed, ${bytesOf(['actor', 'note'])}, sha256`

export const MYSQL_OPERATIONS: OperationStatements = {
  backlog: (upTo, limit) => {
    const first = (parked: 0 | 1): string =>
      `(SELECT target, parked, created FROM waybill_outbox WHERE parked = ${parked} ORDER BY position LIMIT ${integer(upTo)})`
    return sql(
      `SELECT CAST(target AS BINARY) AS target, parked, COUNT(*) AS count, ${NOW_MS} - MIN(created) AS oldest
       FROM (${first(0)} UNION ALL ${first(1)}) AS r
       GROUP BY r.target, parked ORDER BY count DESC, r.target, parked LIMIT ${integer(limit)}`,
    )
  },
  parked: (after, limit) =>
    sql(
      `SELECT ${COLUMNS} FROM waybill_outbox WHERE parked = 1 AND position > ${integer(after)}
       ORDER BY position LIMIT ${integer(limit)}`,
    ),
  find: (position) =>
    sql(`SELECT ${COLUMNS}, body FROM waybill_outbox WHERE parked = 1 AND position = ${integer(position)} FOR UPDATE`),
  note: (row) =>
    sql(
      `INSERT INTO waybill_removed
         (removed, actor, note, position, attempts, created, since, target, head, error, bytes, sha256)
       VALUES (${NOW_MS}, ${literal(row.actor)}, ${literal(row.note)}, ${integer(row.position)}, ${integer(row.attempts)},
         ${integer(row.created)}, ${row.since === null ? 'NULL' : integer(row.since)}, ${literal(row.target)},
         ${literal(row.head)}, ${literal(row.error)}, ${integer(row.bytes)}, ${literal(row.sha256)})`,
    ),
  removed: (before, limit) =>
    sql(
      `SELECT ${REMOVED} FROM waybill_removed${before === undefined ? '' : ` WHERE number < ${integer(before)}`}
       ORDER BY number DESC LIMIT ${integer(limit)}`,
    ),
}
