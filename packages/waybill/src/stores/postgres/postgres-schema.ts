// The tables in PostgreSQL, in their schema. Times are milliseconds since the epoch, by the server's clock. Rows of the outbox are
// deleted soon, so vacuum comes after some thousands, whatever the size of the table.
import { OUTBOX_LANES } from '../../store/store.ts'

export const NOW_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'

const OFTEN_VACUUMED = `autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
  autovacuum_vacuum_cost_delay = 0`
const OFTEN_UPDATED = 'fillfactor = 50'

export function postgresSteps(schema: string): readonly (readonly string[])[] {
  const queue = (name: string): readonly string[] => [
    `ALTER TABLE ${name} ALTER COLUMN body SET STORAGE EXTERNAL`,
    `ALTER TABLE ${name} SET (${OFTEN_VACUUMED}, parallel_workers = 0, toast.autovacuum_vacuum_scale_factor = 0,
       toast.autovacuum_vacuum_threshold = 10000)`,
  ]
  return [
    [
      `CREATE TABLE ${schema}.waybill_inbox (
         owner text COLLATE "C" NOT NULL,
         id text COLLATE "C" NOT NULL,
         received bigint NOT NULL DEFAULT ${NOW_MS},
         PRIMARY KEY (owner, id)
       )`,
      `CREATE INDEX waybill_inbox_received ON ${schema}.waybill_inbox (received)`,
      `CREATE TABLE ${schema}.waybill_outbox (
         position bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
         created bigint NOT NULL DEFAULT ${NOW_MS},
         attempts integer NOT NULL DEFAULT 0,
         lane smallint NOT NULL,
         parked boolean NOT NULL DEFAULT false,
         target text NOT NULL,
         head text NOT NULL,
         error text,
         body bytea NOT NULL
       )`,
      `CREATE INDEX waybill_outbox_lane ON ${schema}.waybill_outbox (lane, position) WHERE NOT parked`,
      `CREATE INDEX waybill_outbox_parked ON ${schema}.waybill_outbox (position) WHERE parked`,
      ...queue(`${schema}.waybill_outbox`),
      `CREATE TABLE ${schema}.waybill_schedule (
         seq bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
         due bigint NOT NULL,
         every bigint,
         lane smallint NOT NULL,
         id text COLLATE "C" UNIQUE,
         target text NOT NULL,
         head text NOT NULL,
         body bytea NOT NULL
       )`,
      `CREATE INDEX waybill_schedule_due ON ${schema}.waybill_schedule (due, seq)`,
      ...queue(`${schema}.waybill_schedule`),
      `CREATE TABLE ${schema}.waybill_lane (lane smallint PRIMARY KEY, owner text, until bigint NOT NULL DEFAULT 0)
         WITH (${OFTEN_UPDATED})`,
      `INSERT INTO ${schema}.waybill_lane (lane) SELECT generate_series(0, ${OUTBOX_LANES - 1})`,
      `CREATE TABLE ${schema}.waybill_relay (owner text PRIMARY KEY, until bigint NOT NULL) WITH (${OFTEN_UPDATED})`,
      `CREATE TABLE ${schema}.waybill_sequence (
         counter text COLLATE "C" PRIMARY KEY,
         value bigint NOT NULL,
         previous bigint
       ) WITH (${OFTEN_UPDATED})`,
    ],
    [
      `ALTER TABLE ${schema}.waybill_outbox ADD COLUMN since bigint`,
      `CREATE TABLE ${schema}.waybill_removed (
         number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
         removed bigint NOT NULL DEFAULT ${NOW_MS},
         actor text NOT NULL,
         note text NOT NULL,
         position bigint NOT NULL,
         attempts integer NOT NULL,
         created bigint NOT NULL,
         since bigint,
         target text NOT NULL,
         head text NOT NULL,
         error text NOT NULL,
         bytes integer NOT NULL,
         sha256 text NOT NULL
       )`,
    ],
  ]
}
