// What stores messages. `s` is the schema.
import { holdIds } from './in-flight.ts'
import { named, NOW, type Statement } from './statement.ts'

export type StoreStatement = 'publish' | 'notify'

export function storeStatements(s: string): Readonly<Record<StoreStatement, Statement>> {
  return {
    /**
     * Stores a batch: $1 is all heads and bodies in one piece, $2 to $5 where they are in it; $6 indexes $7, channels by
     * key and return addresses; $8 shards, $9 types, $10 delays.
     */
    publish: named(
      'publish',
      `
      WITH target AS MATERIALIZED (
        SELECT t.n, c.id AS channel_id, c.retention_ms, g.id AS group_id, g.ordered, g.types, g.shards,
          CASE WHEN g.logged THEN (SELECT current FROM ${s}.slot) ELSE 0 END AS slot
        FROM unnest($7::text[]) WITH ORDINALITY AS t (key, n)
        JOIN ${s}.channel c ON c.key = t.key
        LEFT JOIN ${s}.consumer_group g ON g.channel_id = c.id AND g.address IS NULL
        UNION ALL
        SELECT t.n, NULL, NULL, g.id, g.ordered, g.types, g.shards,
          CASE WHEN g.logged THEN (SELECT current FROM ${s}.slot) ELSE 0 END
        FROM unnest($7::text[]) WITH ORDINALITY AS t (key, n)
        JOIN ${s}.consumer_group g ON g.address = t.key
      ), held AS MATERIALIZED (
        ${holdIds(s)}
      ), entry AS MATERIALIZED (
        SELECT nextval('${s}.ids') AS id, e.*
        FROM held CROSS JOIN unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::int[], $8::int[], $9::text[], $10::bigint[])
          WITH ORDINALITY AS e (head_at, head_length, body_at, body_length, target, shard, type, delay, n)
      ), routed AS MATERIALIZED (
        SELECT e.*, t.group_id, t.slot, t.ordered, t.retention_ms
        FROM entry e JOIN target t ON t.n = e.target
        WHERE t.group_id IS NOT NULL AND (t.types IS NULL OR e.type = ANY (t.types))
          AND (t.shards IS NULL OR e.shard = ANY (t.shards))
      ), stored AS (
        INSERT INTO ${s}.queue (slot, group_id, shard, id, due, xact, head, body)
        SELECT slot, group_id, CASE WHEN ordered THEN shard ELSE 0 END, id, CASE WHEN delay > 0 THEN ${NOW} + delay ELSE 0 END,
          CASE WHEN retention_ms IS NULL THEN NULL ELSE pg_current_xact_id() END,
          convert_from(substring($1::bytea FROM head_at FOR head_length), 'UTF8'),
          substring($1::bytea FROM body_at FOR body_length)
        FROM routed ORDER BY n
      ), kept AS (
        INSERT INTO ${s}.history (channel_id, shard, xact, id, stored_at, type, head, body)
        SELECT t.channel_id, e.shard, pg_current_xact_id(), e.id, ${NOW}, e.type,
          convert_from(substring($1::bytea FROM head_at FOR head_length), 'UTF8'),
          substring($1::bytea FROM body_at FOR body_length)
        FROM entry e JOIN (SELECT DISTINCT n, channel_id FROM target WHERE retention_ms IS NOT NULL) t ON t.n = e.target
        ORDER BY e.n
      )
      SELECT ARRAY (SELECT n::int FROM entry e WHERE NOT EXISTS (SELECT FROM routed r WHERE r.n = e.n)) AS unrouted,
        ARRAY (SELECT DISTINCT group_id FROM routed) AS groups,
        ARRAY (SELECT DISTINCT channel_id FROM target WHERE retention_ms IS NOT NULL) AS kept`,
    ),

    notify: named('notify', `SELECT pg_notify(channel, '') FROM unnest($1::text[]) AS channel`),
  }
}
