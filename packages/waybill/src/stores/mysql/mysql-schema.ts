// The tables in MySQL and MariaDB. Times are milliseconds since the epoch, by the server's clock; keys are bytes, which no collation
// takes for others. Each statement may be run again: none of them is undone with a transaction.
import { OUTBOX_LANES } from '../../store/store.ts'

/** Not by a local time, of which one hour comes twice a year. */
export const NOW_MS = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000"

export const MYSQL_TABLES: readonly string[] = [
  'inbox',
  'outbox',
  'schedule',
  'lane',
  'relay',
  'sequence',
  'removed',
  'version',
]

/** Twice it fits into an index, whose entries have 3,072 bytes at most. */
const KEY = 'VARBINARY(768)'
const TEXT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
const TABLE = `ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT ${TEXT}`
const lanes = Array.from({ length: OUTBOX_LANES }, (_, lane) => `(${lane})`).join(', ')

export const MAKE_VERSION: string = `CREATE TABLE IF NOT EXISTS waybill_version (
  one TINYINT NOT NULL PRIMARY KEY, version INT NOT NULL, least INT NOT NULL) ${TABLE}`

export const MYSQL_STEPS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS waybill_inbox (
       owner ${KEY} NOT NULL,
       id ${KEY} NOT NULL,
       received BIGINT NOT NULL,
       receipt BINARY(16) NOT NULL,
       PRIMARY KEY (owner, id),
       KEY received (received)
     ) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS waybill_outbox (
       position BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       lane TINYINT UNSIGNED NOT NULL,
       parked TINYINT NOT NULL DEFAULT 0,
       attempts INT NOT NULL DEFAULT 0,
       created BIGINT NOT NULL,
       target TEXT ${TEXT} NOT NULL,
       head LONGTEXT ${TEXT} NOT NULL,
       error TEXT ${TEXT},
       body LONGBLOB NOT NULL,
       KEY lane (parked, lane, position)
     ) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS waybill_schedule (
       seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       due BIGINT NOT NULL,
       id ${KEY},
       every BIGINT,
       lane TINYINT UNSIGNED NOT NULL,
       target TEXT ${TEXT} NOT NULL,
       head LONGTEXT ${TEXT} NOT NULL,
       body LONGBLOB NOT NULL,
       UNIQUE KEY id (id),
       KEY due (due, seq)
     ) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS waybill_lane (
       lane TINYINT UNSIGNED NOT NULL PRIMARY KEY, owner ${KEY}, until BIGINT NOT NULL DEFAULT 0) ${TABLE}`,
    `INSERT IGNORE INTO waybill_lane (lane) VALUES ${lanes}`,
    `CREATE TABLE IF NOT EXISTS waybill_relay (owner ${KEY} NOT NULL PRIMARY KEY, until BIGINT NOT NULL) ${TABLE}`,
    `CREATE TABLE IF NOT EXISTS waybill_sequence (
       counter ${KEY} NOT NULL PRIMARY KEY, value BIGINT NOT NULL, previous BIGINT) ${TABLE}`,
  ],
  [
    // MySQL has no ADD COLUMN IF NOT EXISTS.
    `SET @waybill_step = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
       AND table_name = 'waybill_outbox' AND column_name = 'since') = 0,
       'ALTER TABLE waybill_outbox ADD COLUMN since BIGINT', 'DO 0')`,
    'PREPARE waybill_step FROM @waybill_step',
    'EXECUTE waybill_step',
    'DEALLOCATE PREPARE waybill_step',
    `CREATE TABLE IF NOT EXISTS waybill_removed (
       number BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       removed BIGINT NOT NULL,
       actor TEXT ${TEXT} NOT NULL,
       note TEXT ${TEXT} NOT NULL,
       position BIGINT UNSIGNED NOT NULL,
       attempts INT NOT NULL,
       created BIGINT NOT NULL,
       since BIGINT,
       target TEXT ${TEXT} NOT NULL,
       head LONGTEXT ${TEXT} NOT NULL,
       error TEXT ${TEXT} NOT NULL,
       bytes INT UNSIGNED NOT NULL,
       sha256 CHAR(64) ${TEXT} NOT NULL
     ) ${TABLE}`,
  ],
]
