// What is kept although it was handled, and groups that begin in it. `s` is the schema.
import { named, NOW, type Statement } from './statement.ts'

export type HistoryStatement = 'history' | 'isKept' | 'standStill' | 'addGroupBehind' | 'copyHistory' | 'forgetHistory'

export function historyStatements(s: string): Readonly<Record<HistoryStatement, Statement>> {
  return {
    /** Of what is after the position $2, $3 and old enough that nothing can still come before it. $5: these shards. $6: since */
    history: named(
      'history',
      `
      SELECT shard, xact, id, type, head, body FROM ${s}.history
      WHERE channel_id = $1 AND (xact, id) > ($2::xid8, $3::bigint) AND xact < pg_snapshot_xmin(pg_current_snapshot())
        AND ($5::int[] IS NULL OR shard = ANY ($5::int[])) AND stored_at >= $6
      ORDER BY xact, id LIMIT $4`,
    ),

    isKept: named(
      'is_kept',
      `
      SELECT FROM ${s}.history WHERE channel_id = $1 AND shard = $2 AND xact = $3::xid8 AND id = $4`,
    ),

    /** Nobody stores a message while this lock is held: who has begun has ended, and who begins sees the new group. */
    standStill: { text: `LOCK TABLE ${s}.history IN SHARE MODE` },

    addGroupBehind: named(
      'add_group_behind',
      `
      INSERT INTO ${s}.consumer_group (channel_id, name, ordered, types, copy_after, copy_since, copy_to)
      SELECT $1, $2, $3, $4, $5, $6, last_value FROM ${s}.ids ON CONFLICT DO NOTHING RETURNING id`,
    ),

    /**
     * Copies the next part of the past for group $1, and marks how far it is: one part is one transaction, whoever does it.
     * Answers how much of the history was gone through; after the last of it, the mark goes, and with it the answer.
     */
    copyHistory: named(
      'copy_history',
      `
      WITH g AS MATERIALIZED (
        SELECT * FROM ${s}.consumer_group WHERE id = $1 AND copy_to IS NOT NULL FOR UPDATE
      ), part AS MATERIALIZED (
        SELECT h.* FROM g CROSS JOIN LATERAL (
          SELECT * FROM ${s}.history
          WHERE channel_id = g.channel_id AND (xact, id) > (coalesce(g.copied_xact, '0'), coalesce(g.copied_id, 0)) AND id <= g.copy_to
          ORDER BY xact, id LIMIT 500) h
      ), stored AS (
        INSERT INTO ${s}.queue (slot, group_id, shard, id, xact, head, body)
        SELECT (SELECT current FROM ${s}.slot), g.id, CASE WHEN g.ordered THEN h.shard ELSE 0 END, h.id, h.xact, h.head, h.body
        FROM part h CROSS JOIN g
        WHERE h.stored_at >= coalesce(g.copy_since, 0) AND (g.types IS NULL OR h.type = ANY (g.types))
          AND (g.copy_after IS NULL OR g.copy_after[h.shard + 1] IS NULL
            OR (h.xact, h.id) > (split_part(g.copy_after[h.shard + 1], '.', 1)::xid8, split_part(g.copy_after[h.shard + 1], '.', 2)::bigint))
      ), last AS (
        SELECT xact, id FROM part ORDER BY xact DESC, id DESC LIMIT 1
      ), marked AS (
        UPDATE ${s}.consumer_group c SET copied_xact = (SELECT xact FROM last), copied_id = (SELECT id FROM last),
          copy_to = CASE WHEN EXISTS (SELECT FROM part) THEN g.copy_to END
        FROM g WHERE c.id = g.id
      )
      SELECT count(*)::int AS count FROM part HAVING count(*) > 0`,
    ),

    /** Answers with a row for each message. */
    forgetHistory: named(
      'forget_history',
      `
      DELETE FROM ${s}.history h USING (
        SELECT h.ctid FROM ${s}.channel c CROSS JOIN LATERAL (
          SELECT ctid FROM ${s}.history WHERE channel_id = c.id AND stored_at < ${NOW} - c.retention_ms LIMIT 5000
        ) h WHERE c.retention_ms IS NOT NULL) old
      WHERE h.ctid = old.ctid RETURNING 1`,
    ),
  }
}
