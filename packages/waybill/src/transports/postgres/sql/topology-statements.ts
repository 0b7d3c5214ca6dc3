// Channels and groups. `s` is the schema.
import { living, named, NOW, type Statement } from './statement.ts'

export type TopologyStatement =
  | 'channel'
  | 'addChannel'
  | 'keepLonger'
  | 'group'
  | 'addGroup'
  | 'claimGroup'
  | 'addTypes'
  | 'addShards'
  | 'inspect'
  | 'durability'

export function topologyStatements(s: string): Readonly<Record<TopologyStatement, Statement>> {
  return {
    channel: named('channel', `SELECT id, kind, shards, retention_ms FROM ${s}.channel WHERE key = $1`),

    addChannel: named(
      'add_channel',
      `
      INSERT INTO ${s}.channel (key, kind, shards, retention_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    ),

    keepLonger: named(
      'keep_longer',
      `
      UPDATE ${s}.channel SET retention_ms = $2 WHERE id = $1 AND (retention_ms IS NULL OR retention_ms < $2)`,
    ),

    group: named(
      'group',
      `
      SELECT id, name, ordered, types, copy_to FROM ${s}.consumer_group
      WHERE channel_id = $1 AND NOT transient AND (sole OR name = $2)`,
    ),

    addGroup: named(
      'add_group',
      `
      INSERT INTO ${s}.consumer_group (channel_id, name, ordered, sole, logged, types)
      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
    ),

    /** Who declares a command first only keeps a place for its owner: a group without a name. */
    claimGroup: named(
      'claim_group',
      `
      UPDATE ${s}.consumer_group SET name = $2, ordered = $3 WHERE id = $1 AND name = ''`,
    ),

    addTypes: named(
      'add_types',
      `
      UPDATE ${s}.consumer_group
      SET types = CASE WHEN $2::text[] IS NULL THEN NULL ELSE ARRAY (SELECT DISTINCT unnest(types || $2::text[])) END
      WHERE id = $1 AND types IS NOT NULL AND ($2::text[] IS NULL OR NOT types @> $2::text[])`,
    ),

    addShards: named(
      'add_shards',
      `
      INSERT INTO ${s}.shard (group_id, shard, token)
      SELECT $1, n, ${NOW} FROM generate_series(0, $2 - 1) AS n ON CONFLICT DO NOTHING`,
    ),

    inspect: named(
      'inspect',
      `
      WITH here AS MATERIALIZED (
        (SELECT holder FROM ${s}.queue WHERE group_id = $1 AND due = 0 LIMIT 1000000)
        UNION ALL
        (SELECT holder FROM ${s}.queue WHERE group_id = $1 AND due > 0 LIMIT 1000000)
      )
      SELECT
        (SELECT count(*) FROM here WHERE holder IS NULL OR holder NOT IN ${living(s, '$1')})::int AS depth,
        (SELECT count(*) FROM here)::int AS lag,
        (SELECT count(*) FROM ${living(s, '$1')} m)::int AS consumers,
        (SELECT count(*) FROM ${s}.dead WHERE group_id = $1)::int AS dead`,
    ),

    durability: named(
      'durability',
      `
      SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages,
        current_setting('synchronous_commit') AS commit, current_setting('synchronous_standby_names') AS standbys,
        (SELECT setting::int FROM pg_settings WHERE name = 'wal_writer_delay') AS delay`,
    ),
  }
}
