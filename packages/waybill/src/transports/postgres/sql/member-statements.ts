// Who is attached, and until when. `s` is the schema.
import { named, type Statement } from './statement.ts'

export type MemberStatement = 'addTransient' | 'dropTransient' | 'join' | 'leave' | 'renew' | 'reap' | 'orphans'

export function memberStatements(s: string): Readonly<Record<MemberStatement, Statement>> {
  return {
    addTransient: named(
      'add_transient',
      `
      WITH g AS (
        INSERT INTO ${s}.consumer_group (channel_id, name, transient, logged, types, shards, address)
        VALUES ($1, $2, true, false, $3, $4, $5) RETURNING id
      ), m AS (
        INSERT INTO ${s}.member (group_id, lives_until) SELECT id, now() + $6 * interval '1 ms' FROM g RETURNING id, group_id
      )
      SELECT id AS member, group_id FROM m`,
    ),

    dropTransient: named(
      'drop_transient',
      `
      WITH m AS (DELETE FROM ${s}.member WHERE group_id = ANY ($1::int[])),
        ready AS (DELETE FROM ${s}.queue WHERE slot = 0 AND group_id = ANY ($1::int[]) AND due = 0),
        later AS (DELETE FROM ${s}.queue WHERE slot = 0 AND group_id = ANY ($1::int[]) AND due > 0)
      DELETE FROM ${s}.consumer_group WHERE id = ANY ($1::int[]) AND transient`,
    ),

    join: named(
      'join',
      `
      WITH former AS (DELETE FROM ${s}.member WHERE id = $3)
      INSERT INTO ${s}.member (group_id, lives_until) VALUES ($1, now() + $2 * interval '1 ms') RETURNING id`,
    ),

    leave: named('leave', `DELETE FROM ${s}.member WHERE id = $1`),

    /** Not of a group that was deleted: its members make it anew. */
    renew: named(
      'renew',
      `
      UPDATE ${s}.member SET lives_until = now() + $2 * interval '1 ms' WHERE id = ANY ($1::bigint[])
        AND EXISTS (SELECT FROM ${s}.consumer_group g WHERE g.id = group_id) RETURNING id`,
    ),

    /** Members that were silent for a lease are gone; what they held is free (`fetch`). */
    reap: named('reap', `DELETE FROM ${s}.member WHERE lives_until < now() RETURNING group_id`),

    orphans: named(
      'orphans',
      `
      SELECT id FROM ${s}.consumer_group g WHERE transient AND NOT EXISTS (SELECT FROM ${s}.member WHERE group_id = g.id)
      LIMIT 100`,
    ),
  }
}
