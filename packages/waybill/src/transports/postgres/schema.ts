// The tables, as steps from one version to the next. A step is never changed once it is released; what the version before
// this one reads and writes goes on working, so that both run side by side while services are upgraded.
//
//   channel         one row each: its layout
//   consumer_group  who receives what of a channel; a transient one goes with its member
//   member          who is attached, until when: renewed as long as it lives. Its loss costs a new attachment, so unlogged
//   shard           who owns a shard of an ordered group, and the fencing token, which grows with each owner
//   queue           one row for each group that has not settled a message. Partitioned by slot:
//                     0      what goes with who waits for it: queries, surveys, transient subscriptions. Unlogged
//                     1..3   everything else; one of them takes new rows, and those that are empty are truncated (rotation.ts)
//   history         one row for each message of a channel with a retention
//   dead            dead letters, by ids of their own: in the order in which they died
//
// What is settled is found by `queue_place` (sql/statement.ts: place()). Statistics taken while a queue was nearly empty make the
// server believe that all its indexes cost the same, and that it may look through a whole group for a few ids: through all of its
// dead rows. So no index of all rows has the group, and what has the ids alone serves no look in their order.
//
// Times are milliseconds since the epoch by the server's clock. Member ids and message ids come from one sequence: ids of an
// unlogged table's own would begin anew after a crash.

/** The version that the steps lead to. */
export const SCHEMA_VERSION = 1

/** Slots of the queue that are logged; slot 0 is not. */
export const SLOTS = [1, 2, 3] as const

const partition = (slot: number): string => `
  CREATE ${slot === 0 ? 'UNLOGGED ' : ''}TABLE queue_${slot} PARTITION OF queue FOR VALUES IN (${slot})
    WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
      autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.5,
      toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 10000);`

/** Statements of each step, in the schema as search path. */
export const STEPS: readonly string[] = [
  `
  CREATE SEQUENCE ids AS bigint;
  CREATE TABLE channel (
    id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL,
    shards integer NOT NULL CHECK (shards > 0),
    retention_ms bigint CHECK (retention_ms > 0)
  );
  CREATE TABLE consumer_group (
    id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    channel_id integer NOT NULL REFERENCES channel ON DELETE CASCADE,
    name text NOT NULL,
    ordered boolean NOT NULL DEFAULT false,
    sole boolean NOT NULL DEFAULT false,
    logged boolean NOT NULL DEFAULT true,
    transient boolean NOT NULL DEFAULT false,
    types text[],
    shards integer[],
    address text UNIQUE,
    copy_after text[],
    copy_since bigint,
    copy_to bigint,
    copied_xact xid8,
    copied_id bigint
  );
  CREATE UNIQUE INDEX consumer_group_name ON consumer_group (channel_id, name) WHERE NOT transient;
  CREATE UNIQUE INDEX consumer_group_sole ON consumer_group (channel_id) WHERE sole;
  CREATE INDEX consumer_group_channel ON consumer_group (channel_id);
  CREATE UNLOGGED TABLE member (
    id bigint PRIMARY KEY DEFAULT nextval('ids'),
    group_id integer NOT NULL,
    lives_until timestamptz NOT NULL
  );
  CREATE INDEX member_group ON member (group_id);
  CREATE TABLE shard (
    group_id integer NOT NULL REFERENCES consumer_group ON DELETE CASCADE,
    shard integer NOT NULL,
    owner bigint,
    token bigint NOT NULL,
    PRIMARY KEY (group_id, shard)
  ) WITH (fillfactor = 50);
  CREATE TABLE queue (
    slot smallint NOT NULL,
    group_id integer NOT NULL,
    shard integer NOT NULL,
    id bigint NOT NULL,
    due bigint NOT NULL DEFAULT 0,
    lane bigint NOT NULL DEFAULT 0,
    holder bigint,
    count integer NOT NULL DEFAULT 0,
    xact xid8,
    head text NOT NULL,
    body bytea NOT NULL
  ) PARTITION BY LIST (slot);
  ALTER TABLE queue ALTER COLUMN body SET STORAGE EXTERNAL;
  CREATE INDEX queue_place ON queue ((id + 0));
  CREATE INDEX queue_ready ON queue (group_id, shard, id) WHERE due = 0;
  CREATE INDEX queue_later ON queue (group_id, due) WHERE due > 0;
  ${[0, ...SLOTS].map(partition).join('')}
  CREATE TABLE slot (
    current smallint NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    looked_at timestamptz NOT NULL DEFAULT now()
  );
  INSERT INTO slot (current) VALUES (1);
  CREATE TABLE history (
    channel_id integer NOT NULL,
    shard integer NOT NULL,
    xact xid8 NOT NULL,
    id bigint NOT NULL,
    stored_at bigint NOT NULL,
    type text NOT NULL,
    head text NOT NULL,
    body bytea NOT NULL
  );
  ALTER TABLE history ALTER COLUMN body SET STORAGE EXTERNAL;
  CREATE INDEX history_order ON history (channel_id, xact, id);
  CREATE INDEX history_time ON history (channel_id, stored_at);
  CREATE TABLE dead (
    group_id integer NOT NULL,
    id bigint NOT NULL,
    dead_at bigint NOT NULL,
    head text NOT NULL,
    body bytea NOT NULL
  );
  CREATE INDEX dead_group ON dead (group_id, id);
  `,
]
