// The queue of an unordered group, and of a transient one. `s` is the schema.
import { living, named, NOW, place, type Statement } from './statement.ts'

export type QueueStatement = 'fetch' | 'fetchDue' | 'outlook' | 'ack' | 'retry' | 'bury' | 'take' | 'nextTransient'

export function queueStatements(s: string): Readonly<Record<QueueStatement, Statement>> {
  return {
    /** Hands out to member $2 up to $4 messages of group $1 from id $3 on that nobody holds who lives. */
    fetch: named(
      'fetch',
      `
      WITH ready AS MATERIALIZED (
        SELECT id FROM ${s}.queue
        WHERE group_id = $1 AND shard = 0 AND due = 0 AND id >= $3 AND (holder IS NULL OR holder NOT IN ${living(s, '$1')})
        ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED
      )
      UPDATE ${s}.queue q SET holder = $2, count = count + 1
      WHERE q.group_id = $1 AND ${place('q')} = ANY (ARRAY (SELECT id FROM ready))
      RETURNING q.slot, q.id, q.due, q.count, q.xact, q.head, q.body`,
    ),

    /** The same of what was to wait, and is due. */
    fetchDue: named(
      'fetch_due',
      `
      WITH ready AS MATERIALIZED (
        SELECT id FROM ${s}.queue
        WHERE group_id = $1 AND due > 0 AND due <= ${NOW} AND (holder IS NULL OR holder NOT IN ${living(s, '$1')})
        ORDER BY due, id LIMIT $3 FOR UPDATE SKIP LOCKED
      )
      UPDATE ${s}.queue q SET holder = $2, count = count + 1
      WHERE q.group_id = $1 AND ${place('q')} = ANY (ARRAY (SELECT id FROM ready))
      RETURNING q.slot, q.id, q.due, q.count, q.xact, q.head, q.body`,
    ),

    /** When the next of what waits is due, in ms from now; and the lowest id there is. */
    outlook: named(
      'outlook',
      `
      SELECT (SELECT min(due) FROM ${s}.queue WHERE group_id = $1 AND due > 0 AND (holder IS NULL OR holder NOT IN ${living(s, '$1')})) - ${NOW} AS due_in,
        coalesce((SELECT min(id) FROM ${s}.queue WHERE group_id = $1 AND shard = 0 AND due = 0 AND id >= $2), (SELECT last_value FROM ${s}.ids)) AS lowest`,
    ),

    /** Settlements of member $2. An acknowledgement that a crash of the server takes back costs a second delivery only. */
    ack: named(
      'ack',
      `
      WITH later AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
      DELETE FROM ${s}.queue WHERE group_id = $1 AND holder = $2 AND ${place()} = ANY ($3::bigint[]) AND EXISTS (SELECT FROM later)`,
    ),

    retry: named(
      'retry',
      `
      UPDATE ${s}.queue q SET holder = NULL, count = 0, due = CASE WHEN r.after > 0 THEN ${NOW} + r.after ELSE 1 END, head = r.head
      FROM unnest($3::bigint[], $4::bigint[], $5::text[]) AS r (id, after, head)
      WHERE q.group_id = $1 AND q.holder = $2 AND ${place('q')} = ANY ($3::bigint[]) AND q.id = r.id`,
    ),

    bury: named(
      'bury',
      `
      WITH gone AS (
        DELETE FROM ${s}.queue q USING unnest($3::bigint[], $4::text[]) AS r (id, head)
        WHERE q.group_id = $1 AND q.holder = $2 AND ${place('q')} = ANY ($3::bigint[]) AND q.id = r.id RETURNING q.id, r.head, q.body
      )
      INSERT INTO ${s}.dead (group_id, id, dead_at, head, body)
      SELECT $1, nextval('${s}.ids'), ${NOW}, head, body FROM gone ORDER BY id`,
    ),

    /** Takes out up to $2 messages of the transient group $1, from id $3 on, and what was to wait, and is due. */
    take: named(
      'take',
      `
      DELETE FROM ${s}.queue WHERE slot = 0 AND group_id = $1 AND ${place()} = ANY (ARRAY (
        (SELECT id FROM ${s}.queue WHERE slot = 0 AND group_id = $1 AND due > 0 AND due <= ${NOW} ORDER BY due LIMIT $2)
        UNION ALL
        (SELECT id FROM ${s}.queue WHERE slot = 0 AND group_id = $1 AND due = 0 AND id >= $3 ORDER BY id LIMIT $2)
        LIMIT $2))
      RETURNING id, due, xact, head, body`,
    ),

    nextTransient: named(
      'next_transient',
      `
      SELECT (SELECT min(due) FROM ${s}.queue WHERE slot = 0 AND group_id = $1 AND due > 0) - ${NOW} AS due_in,
        coalesce((SELECT min(id) FROM ${s}.queue WHERE slot = 0 AND group_id = $1 AND due = 0 AND id >= $2), (SELECT last_value FROM ${s}.ids)) AS lowest`,
    ),
  }
}
