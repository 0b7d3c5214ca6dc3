// Dead letters, for who goes through them. `s` is the schema.
import { holdIds } from './in-flight.ts'
import { named, type Statement } from './statement.ts'

export type DeadLetterStatement = 'lastLetter' | 'letters' | 'decide'

export function deadLetterStatements(s: string): Readonly<Record<DeadLetterStatement, Statement>> {
  return {
    lastLetter: named('last_letter', `SELECT max(id) AS id FROM ${s}.dead WHERE group_id = $1`),

    /** Up to $4 of group $1 behind id $2, up to id $3. */
    letters: named(
      'letters',
      `
      SELECT id, head, body FROM ${s}.dead WHERE group_id = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4`,
    ),

    /**
     * What becomes of letters of group $1: ids $2, actions $3, and for what is stored in their place shards $4, heads $5 and
     * bodies $6. Of a letter that somebody else has decided on meanwhile, nothing. What is redriven is new to the group's queue:
     * behind what lies there, in the order of its letters.
     */
    decide: named(
      'decide',
      `
      WITH held AS MATERIALIZED (
        ${holdIds(s)}
      ), decided AS MATERIALIZED (
        SELECT d.* FROM held CROSS JOIN unnest($2::bigint[], $3::text[], $4::int[], $5::text[], $6::bytea[])
          WITH ORDINALITY AS d (id, action, shard, head, body, n)
      ), gone AS (
        DELETE FROM ${s}.dead l USING decided d
        WHERE l.group_id = $1 AND l.id = d.id AND EXISTS (SELECT FROM ${s}.consumer_group WHERE id = $1)
        RETURNING d.*, l.dead_at
      ), redriven AS (
        INSERT INTO ${s}.queue (slot, group_id, shard, id, head, body)
        SELECT CASE WHEN g.logged THEN (SELECT current FROM ${s}.slot) ELSE 0 END, g.id,
          CASE WHEN g.ordered THEN d.shard ELSE 0 END, nextval('${s}.ids'), d.head, d.body
        FROM gone d JOIN ${s}.consumer_group g ON g.id = $1 WHERE d.action = 'redrive' ORDER BY d.n
      )
      INSERT INTO ${s}.dead (group_id, id, dead_at, head, body)
      SELECT $1, nextval('${s}.ids'), dead_at, head, body FROM gone WHERE action = 'replace' ORDER BY n`,
    ),
  }
}
