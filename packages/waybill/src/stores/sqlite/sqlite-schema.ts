// The tables in SQLite. Times are milliseconds since the epoch. Positions are never given twice (AUTOINCREMENT).
import { OUTBOX_LANES } from '../../store/store.ts'

const lanes = Array.from({ length: OUTBOX_LANES }, (_, lane) => `(${lane})`).join(', ')

export const SQLITE_STEPS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE waybill_inbox (owner TEXT NOT NULL, id TEXT NOT NULL, received INTEGER NOT NULL, PRIMARY KEY (owner, id))
       STRICT, WITHOUT ROWID`,
    'CREATE INDEX waybill_inbox_received ON waybill_inbox (received)',
    `CREATE TABLE waybill_outbox (
       position INTEGER PRIMARY KEY AUTOINCREMENT,
       lane INTEGER NOT NULL,
       parked INTEGER NOT NULL DEFAULT 0,
       attempts INTEGER NOT NULL DEFAULT 0,
       created INTEGER NOT NULL,
       target TEXT NOT NULL,
       head TEXT NOT NULL,
       error TEXT,
       body BLOB NOT NULL
     ) STRICT`,
    'CREATE INDEX waybill_outbox_lane ON waybill_outbox (lane, position) WHERE NOT parked',
    'CREATE INDEX waybill_outbox_parked ON waybill_outbox (position) WHERE parked',
    `CREATE TABLE waybill_schedule (
       seq INTEGER PRIMARY KEY AUTOINCREMENT,
       due INTEGER NOT NULL,
       id TEXT UNIQUE,
       every INTEGER,
       lane INTEGER NOT NULL,
       target TEXT NOT NULL,
       head TEXT NOT NULL,
       body BLOB NOT NULL
     ) STRICT`,
    'CREATE INDEX waybill_schedule_due ON waybill_schedule (due, seq)',
    'CREATE TABLE waybill_lane (lane INTEGER PRIMARY KEY, owner TEXT, until INTEGER NOT NULL DEFAULT 0) STRICT',
    `INSERT INTO waybill_lane (lane) VALUES ${lanes}`,
    'CREATE TABLE waybill_relay (owner TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    `CREATE TABLE waybill_sequence (counter TEXT PRIMARY KEY, value INTEGER NOT NULL, previous INTEGER)
       STRICT, WITHOUT ROWID`,
  ],
  [
    'ALTER TABLE waybill_outbox ADD COLUMN since INTEGER',
    `CREATE TABLE waybill_removed (
       number INTEGER PRIMARY KEY AUTOINCREMENT,
       removed INTEGER NOT NULL,
       actor TEXT NOT NULL,
       note TEXT NOT NULL,
       position INTEGER NOT NULL,
       attempts INTEGER NOT NULL,
       created INTEGER NOT NULL,
       since INTEGER,
       target TEXT NOT NULL,
       head TEXT NOT NULL,
       error TEXT NOT NULL,
       bytes INTEGER NOT NULL,
       sha256 TEXT NOT NULL
     ) STRICT`,
  ],
]
