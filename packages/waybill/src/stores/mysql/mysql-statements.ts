// Every statement of the store in the words of MySQL 8 and MariaDB 10.6.
import { WaybillError } from '../../message/errors.ts'
import { OUTBOX_LANES } from '../../store/store.ts'
import type { Dialect } from '../sql/dialect.ts'
import type { Answer, Statement } from '../sql/executor.ts'
import type { SchemaStatements } from '../sql/migrate.ts'
import type { RowToSend } from '../sql/outbox-row.ts'
import type { OutboxStatements } from '../sql/outbox.ts'
import { portions } from '../sql/portions.ts'
import { bytesLiteral, integer, integerList, literal, literalList } from './mysql-literal.ts'
import { MYSQL_OPERATIONS } from './mysql-operations.ts'
import { MAKE_VERSION, MYSQL_STEPS, MYSQL_TABLES, NOW_MS } from './mysql-schema.ts'

const MOST_ROWS = 1_000
/** Of one insert, unless the server takes less. Twice as much goes over the wire. */
const PORTION_BYTES = 4 * 2 ** 20
/** What a statement has besides heads and bodies. */
const SPARE_BYTES = 64 * 1_024
/** How long to wait for a process that migrates. */
const LOCK_SECONDS = 60
const LOCK_NAME = "CONCAT('waybill:', SHA1(DATABASE()))"

/** All values stand in the text: thousands of parameters cost the driver more than their rows cost the server. */
const sql = (text: string): Statement => ({ text, values: [] })

const COLUMNS = 'position, lane, CAST(target AS BINARY) AS target, CAST(head AS BINARY) AS head, body, attempts'

export function mysqlDialect(): Dialect {
  /** Set by what the server says. */
  let packet = Infinity
  const inPortions = <Row extends RowToSend>(rows: readonly Row[]): readonly (readonly Row[])[] => {
    const bytesOf = Math.floor((packet - SPARE_BYTES) / 2)
    const large = rows.find(({ head, body }) => Buffer.byteLength(head) + body.length > bytesOf)
    if (large === undefined) return portions(rows, { rows: MOST_ROWS, bytes: Math.min(PORTION_BYTES, bytesOf / 2) })
    throw new WaybillError(
      'WAYBILL_TOO_LARGE',
      `a message of ${large.body.length} bytes, of which the server takes ${bytesOf}`,
      {
        cure: 'Raise max_allowed_packet of the server to more than twice the size, or send a reference to the data.',
      },
    )
  }
  const learn = ({ rows: [row] }: Answer): string | undefined => {
    packet = Number(row?.['packet'])
    return serverProblem(String(row?.['version']), row?.['name'])
  }
  return {
    schema: schemaStatements(learn),
    outbox: outboxStatements(inPortions),
    operations: MYSQL_OPERATIONS,
    inbox: {
      // Where another transaction has just written the same key, it waits for that. IGNORE has nothing else to hide: keys fit.
      receive: (group, ids, receipt) => {
        const [owner, mark] = [literal(group), uuidLiteral(receipt)]
        const rows = ids.map((id) => `(${owner}, ${literal(id)}, ${NOW_MS}, ${mark})`).join(', ')
        return sql(`INSERT IGNORE INTO waybill_inbox (owner, id, received, receipt) VALUES ${rows}`)
      },
      // Own rows are seen on every level of isolation; those of others are not.
      written: (group, ids, receipt) =>
        sql(
          `SELECT id AS \`key\` FROM waybill_inbox
           WHERE owner = ${literal(group)} AND id IN (${literalList(ids)}) AND receipt = ${uuidLiteral(receipt)}`,
        ),
      forget: (olderThanMs, limit) =>
        sql(
          `DELETE FROM waybill_inbox WHERE received < ${NOW_MS} - ${integer(olderThanMs)} ORDER BY received LIMIT ${integer(limit)}`,
        ),
    },
    lanes: {
      lock: (owner) =>
        sql(
          `SELECT lane, CASE WHEN owner IS NULL OR until <= ${NOW_MS} THEN 0 WHEN owner = ${literal(owner)} THEN 1 ELSE 2 END AS state
           FROM waybill_lane ORDER BY lane FOR UPDATE`,
        ),
      announce: (owner, leaseMs) =>
        sql(
          `INSERT INTO waybill_relay (owner, until) VALUES (${literal(owner)}, ${NOW_MS} + ${integer(leaseMs)})
           ON DUPLICATE KEY UPDATE until = ${NOW_MS} + ${integer(leaseMs)}`,
        ),
      hold: (lanes, owner, leaseMs) =>
        sql(
          `UPDATE waybill_lane SET owner = ${literal(owner)}, until = ${NOW_MS} + ${integer(leaseMs)}
           WHERE lane IN (${integerList(lanes)})`,
        ),
      free: (lanes) => sql(`UPDATE waybill_lane SET owner = NULL WHERE lane IN (${integerList(lanes)})`),
      release: (owner) => sql(`UPDATE waybill_lane SET owner = NULL WHERE owner = ${literal(owner)}`),
      forget: (owner) =>
        sql(
          `DELETE FROM waybill_relay WHERE ${owner === undefined ? '' : `owner = ${literal(owner)} OR `}until <= ${NOW_MS}`,
        ),
      countOwners: () => sql(`SELECT COUNT(*) AS count FROM waybill_relay WHERE until > ${NOW_MS}`),
    },
    schedule: {
      insert: (rows) =>
        inPortions(rows).map((portion) => {
          const values = portion.map(
            ({ due, id, every, ...row }) =>
              `(${integer(due)}, ${id === null ? 'NULL' : literal(id)}, ${every === null ? 'NULL' : integer(every)}, ${columnsOf(row)})`,
          )
          return sql(
            `INSERT INTO waybill_schedule (due, id, every, lane, target, head, body) VALUES ${values.join(', ')}
             ON DUPLICATE KEY UPDATE seq = seq`,
          )
        }),
      cancel: (ids) => sql(`DELETE FROM waybill_schedule WHERE id IN (${literalList(ids)})`),
      due: (limit) =>
        sql(
          `SELECT seq, due, every, lane, CAST(target AS BINARY) AS target, CAST(head AS BINARY) AS head, body,
             ${NOW_MS} AS \`now\`
           FROM waybill_schedule FORCE INDEX (due) WHERE due <= ${NOW_MS} ORDER BY due, seq LIMIT ${integer(limit)}
           FOR UPDATE SKIP LOCKED`,
        ),
      remove: (seqs) =>
        sql(`DELETE s FROM waybill_schedule AS s FORCE INDEX (PRIMARY) WHERE s.seq IN (${integerList(seqs)})`),
      postpone: (seq, due, head) =>
        sql(`UPDATE waybill_schedule SET due = ${integer(due)}, head = ${literal(head)} WHERE seq = ${integer(seq)}`),
      next: () => sql(`SELECT MIN(due) - ${NOW_MS} AS wait FROM waybill_schedule`),
    },
    sequences: {
      add: (counter, count) => [
        sql(
          `INSERT INTO waybill_sequence (counter, value) VALUES (${literal(counter)}, ${integer(count)})
           ON DUPLICATE KEY UPDATE value = value + ${integer(count)}`,
        ),
        sql(`SELECT value FROM waybill_sequence WHERE counter = ${literal(counter)}`),
      ],
      // Assignments are made from left to right.
      observe: (counter, sequence) => [
        sql(
          `INSERT INTO waybill_sequence (counter, value) VALUES (${literal(counter)}, ${integer(sequence)})
           ON DUPLICATE KEY UPDATE previous = value, value = GREATEST(value, ${integer(sequence)})`,
        ),
        sql(`SELECT previous FROM waybill_sequence WHERE counter = ${literal(counter)}`),
      ],
    },
  }
}

function outboxStatements(
  inPortions: (rows: readonly RowToSend[]) => readonly (readonly RowToSend[])[],
): OutboxStatements {
  return {
    insert: (rows) =>
      inPortions(rows).map((portion) => {
        const values = portion.map((row) => `(${columnsOf(row)}, ${NOW_MS})`)
        return sql(`INSERT INTO waybill_outbox (lane, target, head, body, created) VALUES ${values.join(', ')}`)
      }),
    // All lanes are one scan. Otherwise one for each, and of what they give the first: other lanes may be as long as they like.
    fetch: (lanes, after, limit) =>
      lanes.length === OUTBOX_LANES
        ? sql(
            `SELECT ${COLUMNS} FROM waybill_outbox FORCE INDEX (PRIMARY)
             WHERE position > ${integer(after)} AND parked = 0 ORDER BY position LIMIT ${integer(limit)}`,
          )
        : sql(
            `SELECT ${COLUMNS} FROM waybill_outbox JOIN (SELECT p FROM (${lanes
              .map(
                (lane) =>
                  `(SELECT position AS p FROM waybill_outbox FORCE INDEX (lane) WHERE parked = 0 AND lane = ${integer(lane)} AND position > ${integer(after)} ORDER BY position LIMIT ${integer(limit)})`,
              ) // prettier-ignore
              .join(
                ' UNION ALL ',
              )}) AS each_lane ORDER BY p LIMIT ${integer(limit)}) AS first ON position = p ORDER BY position`,
          ),
    // By no other way through the table: it would wait for rows that others have not committed.
    remove: (positions) =>
      sql(`DELETE o FROM waybill_outbox AS o FORCE INDEX (PRIMARY) WHERE o.position IN (${integerList(positions)})`),
    noteRefusal: (position, error) =>
      sql(
        `UPDATE waybill_outbox SET attempts = attempts + 1, error = ${literal(error)} WHERE position = ${integer(position)}`,
      ),
    park: (position, error) =>
      sql(
        `UPDATE waybill_outbox SET parked = 1, since = ${NOW_MS}, attempts = attempts + 1, error = ${literal(error)}
         WHERE position = ${integer(position)}`,
      ),
    parked: (limit) =>
      sql(
        `SELECT ${COLUMNS}, CAST(error AS BINARY) AS error FROM waybill_outbox WHERE parked = 1 ORDER BY position LIMIT ${integer(limit)}`,
      ),
    unpark: (positions) => [
      sql(
        `INSERT INTO waybill_outbox (lane, target, head, body, created)
         SELECT lane, target, head, body, ${NOW_MS} FROM waybill_outbox
         WHERE parked = 1 AND position IN (${integerList(positions)}) ORDER BY position FOR UPDATE`,
      ),
      sql(`DELETE FROM waybill_outbox WHERE parked = 1 AND position IN (${integerList(positions)})`),
    ],
    count: (upTo) =>
      sql(
        `SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM waybill_outbox WHERE parked = 0 LIMIT ${integer(upTo)}) AS w) AS waiting,
           (SELECT COUNT(*) FROM (SELECT 1 FROM waybill_outbox WHERE parked = 1 LIMIT ${integer(upTo)}) AS p) AS parked,
           (SELECT COUNT(*) FROM (SELECT 1 FROM waybill_schedule LIMIT ${integer(upTo)}) AS s) AS scheduled,
           (SELECT ${NOW_MS} - created FROM waybill_outbox WHERE parked = 0 ORDER BY position LIMIT 1) AS oldest`,
      ),
  }
}

function columnsOf({ lane, target, head, body }: RowToSend): string {
  return `${integer(lane)}, ${literal(target)}, ${literal(head)}, ${bytesLiteral(body)}`
}

function uuidLiteral(id: string): string {
  return `X'${id.replaceAll('-', '')}'`
}

function schemaStatements(learn: (answer: Answer) => string | undefined): SchemaStatements {
  const tables = MYSQL_TABLES.map((table) => `'waybill_${table}'`).join(', ')
  return {
    place: 'the database',
    isTransactional: false,
    server: sql('SELECT VERSION() AS version, DATABASE() AS name, @@max_allowed_packet AS packet'),
    serverProblem: learn,
    prepare: [],
    lock: sql(`SELECT GET_LOCK(${LOCK_NAME}, ${LOCK_SECONDS}) AS taken`),
    unlock: sql(`SELECT RELEASE_LOCK(${LOCK_NAME}) AS released`),
    hasVersion: sql(
      `SELECT 1 AS one FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'waybill_version'`,
    ),
    readVersion: sql('SELECT version, least FROM waybill_version'),
    writeVersion: (version, least) => [
      sql(`REPLACE INTO waybill_version (one, version, least) VALUES (1, ${integer(version)}, ${integer(least)})`),
    ],
    makeVersion: sql(MAKE_VERSION),
    steps: MYSQL_STEPS.map((step) => step.map((text) => sql(text))),
    // Where a server has no InnoDB, and no sql_mode that minds, it takes another engine.
    check: sql(
      `SELECT CONCAT('table ', table_name, ' has the engine ', engine, ', which has no transactions: it must be InnoDB') AS what
       FROM information_schema.tables
       WHERE table_schema = DATABASE() AND engine <> 'InnoDB' AND table_name IN (${tables}) LIMIT 1`,
    ),
  }
}

function serverProblem(version: string, database: unknown): string | undefined {
  if (database === null || database === undefined) return 'the pool names no database: the tables have no place'
  // MariaDB may call itself 5.5.5-10.6.1-MariaDB.
  const isMariadb = /mariadb/i.test(version)
  const [, major = 0, minor = 0] = (/^(?:5\.5\.5-)?(\d+)\.(\d+)/.exec(version) ?? []).map(Number)
  const isEnough = isMariadb ? major > 10 || (major === 10 && minor >= 6) : major >= 8
  return isEnough ? undefined : `${version} is too old: MySQL 8 or MariaDB 10.6 is needed`
}
