// Shards of an ordered group: who owns them, and what their owner reads and writes. `s` is the schema.
import { settledIds } from './in-flight.ts'
import { living, named, NOW, place, type Statement } from './statement.ts'

export type ShardStatement =
  | 'shards'
  | 'takeShard'
  | 'releaseShard'
  | 'suspects'
  | 'shardCount'
  | 'lane'
  | 'settledIds'
  | 'shardFetch'
  | 'shardOutlook'
  | 'shardAck'
  | 'shardBury'
  | 'shardLane'

export function shardStatements(s: string): Readonly<Record<ShardStatement, Statement>> {
  return {
    /** What every owner of shards must know: who lives, and who owns what. */
    shards: named(
      'shards',
      `
      SELECT shard, owner::text, token, ARRAY (SELECT id::text FROM ${living(s, '$1')} AS m) AS members FROM ${s}.shard WHERE group_id = $1 ORDER BY shard`,
    ),

    takeShard: named(
      'take_shard',
      `
      WITH former AS MATERIALIZED (
        SELECT owner FROM ${s}.shard WHERE group_id = $1 AND shard = $2 FOR UPDATE
      )
      UPDATE ${s}.shard SET owner = $3, token = token + 1 FROM former f
      WHERE group_id = $1 AND shard = $2 AND (f.owner IS NULL OR f.owner = $4 OR f.owner NOT IN ${living(s, '$1')})
        AND EXISTS (SELECT FROM ${s}.member WHERE id = $3)
      RETURNING token, f.owner IS NULL AS clean, ${NOW} AS at`,
    ),

    /** $4: of what its owner handed out, all is settled. Else nobody has it, and the next owner knows. */
    releaseShard: named(
      'release_shard',
      `
      UPDATE ${s}.shard SET owner = CASE WHEN $4 THEN NULL ELSE 0 END WHERE group_id = $1 AND shard = $2 AND token = $3`,
    ),

    /** The last of the $3 messages that the former owner of a shard may have handed out: what it had read and not settled. */
    suspects: named(
      'suspects',
      `
      SELECT max(id) AS to FROM (SELECT id FROM ${s}.queue WHERE group_id = $1 AND shard = $2 AND due = 0 ORDER BY id LIMIT $3) q`,
    ),

    /** Counts messages of a shard that are about to be handed out, by the owner's token $3. */
    shardCount: named(
      'shard_count',
      `
      WITH owned AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) FROM ${s}.shard
        WHERE group_id = $1 AND shard = $2 AND token = $3 FOR SHARE)
      UPDATE ${s}.queue q SET count = count + 1
      WHERE group_id = $1 AND ${place('q')} = ANY ($4::bigint[]) AND EXISTS (SELECT FROM owned) RETURNING id, count`,
    ),

    /** The retry lane of a shard, in its own order. */
    lane: named(
      'lane',
      `
      SELECT slot, id, due, lane, count, xact, head, body FROM ${s}.queue
      WHERE group_id = $1 AND shard = $2 AND due > 0 AND lane > 0 ORDER BY lane LIMIT 10000`,
    ),

    settledIds: named('settled_ids', settledIds(s)),

    /**
     * Up to $4 messages of a shard other than $5, from id $3 on; and what was delayed, and is due: by that order, since by ids the
     * server would go through all dead rows of the group.
     */
    shardFetch: named(
      'shard_fetch',
      `
      (SELECT slot, id, due, lane, count, xact, head, body FROM ${s}.queue
       WHERE group_id = $1 AND shard = $2 AND due = 0 AND id >= $3 AND id <> ALL ($5::bigint[]) ORDER BY id LIMIT $4)
      UNION ALL
      (SELECT slot, id, due, lane, count, xact, head, body FROM ${s}.queue
       WHERE group_id = $1 AND shard = $2 AND due > 0 AND due <= ${NOW} AND lane = 0 AND id <> ALL ($5::bigint[]) ORDER BY due LIMIT $4)`,
    ),

    shardOutlook: named(
      'shard_outlook',
      `
      SELECT (SELECT min(due) FROM ${s}.queue WHERE group_id = $1 AND shard = $2 AND due > ${NOW} AND lane = 0) - ${NOW} AS due_in,
        coalesce((SELECT min(id) FROM ${s}.queue WHERE group_id = $1 AND shard = $2 AND due = 0 AND id >= $3), (SELECT last_value FROM ${s}.ids)) AS lowest`,
    ),

    /** Settlements of the owner of a shard, by its token $3: they wait for who takes the shard, and then change nothing. */
    shardAck: named(
      'shard_ack',
      `
      WITH owned AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true) FROM ${s}.shard
        WHERE group_id = $1 AND shard = $2 AND token = $3 FOR SHARE)
      DELETE FROM ${s}.queue WHERE group_id = $1 AND ${place()} = ANY ($4::bigint[]) AND EXISTS (SELECT FROM owned)`,
    ),

    shardBury: named(
      'shard_bury',
      `
      WITH owned AS MATERIALIZED (SELECT FROM ${s}.shard WHERE group_id = $1 AND shard = $2 AND token = $3 FOR SHARE),
      gone AS (
        DELETE FROM ${s}.queue q USING unnest($4::bigint[], $5::text[]) AS r (id, head)
        WHERE q.group_id = $1 AND ${place('q')} = ANY ($4::bigint[]) AND q.id = r.id AND EXISTS (SELECT FROM owned) RETURNING q.id, r.head, q.body
      )
      INSERT INTO ${s}.dead (group_id, id, dead_at, head, body)
      SELECT $1, nextval('${s}.ids'), ${NOW}, head, body FROM gone ORDER BY id`,
    ),

    /** Puts messages into the lane, or back there as another attempt. Answers those that are still there. */
    shardLane: named(
      'shard_lane',
      `
      WITH owned AS MATERIALIZED (SELECT FROM ${s}.shard WHERE group_id = $1 AND shard = $2 AND token = $3 FOR SHARE)
      UPDATE ${s}.queue q SET lane = r.lane, due = r.due, head = r.head, count = 0
      FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::text[]) AS r (id, lane, due, head)
      WHERE q.group_id = $1 AND ${place('q')} = ANY ($4::bigint[]) AND q.id = r.id AND EXISTS (SELECT FROM owned) RETURNING q.id`,
    ),
  }
}
