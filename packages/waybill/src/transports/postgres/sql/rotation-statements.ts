// The slots of the queue, one of which takes new rows. `s` is the schema.
import { SLOTS } from '../schema.ts'
import { named, NOW, place, type Statement } from './statement.ts'

export type RotationStatement = 'slots' | 'nextSlot' | 'moveOn'

export function rotationStatements(s: string): Readonly<Record<RotationStatement, Statement>> {
  const sizes = (of: string): string => SLOTS.map((slot) => `${of}('${s}.queue_${slot}')`).join(', ')
  return {
    /** How the slots stand, for one process at a time: nothing, while another has asked not long ago. */
    slots: named(
      'slots',
      `
      UPDATE ${s}.slot SET looked_at = now() WHERE looked_at < now() - interval '10 s'
      RETURNING current, extract(epoch FROM now() - since)::float8 AS age,
        ARRAY [${sizes('pg_relation_size')}] AS rows, ARRAY [${sizes('pg_table_size')}] AS sizes`,
    ),

    nextSlot: named('next_slot', `UPDATE ${s}.slot SET current = $2, since = now() WHERE current = $1`),
    /** What waits for long would keep its slot from being emptied. Nobody is at it: so far ahead it is not even looked at. */
    moveOn: named(
      'move_on',
      `
      WITH f AS MATERIALIZED (
        SELECT group_id, id FROM ${s}.queue
        WHERE slot = $1 AND due > ${NOW} + 60000 AND lane = 0 AND holder IS NULL LIMIT 1000 FOR UPDATE SKIP LOCKED
      ),
      far AS (
        DELETE FROM ${s}.queue q USING f
        WHERE q.slot = $1 AND ${place('q')} = ANY (ARRAY (SELECT id FROM f)) AND q.group_id = f.group_id AND q.id = f.id RETURNING q.*
      )
      INSERT INTO ${s}.queue (slot, group_id, shard, id, due, lane, holder, count, xact, head, body)
      SELECT (SELECT current FROM ${s}.slot), group_id, shard, id, due, lane, holder, count, xact, head, body FROM far`,
    ),
  }
}

/** Empties a slot that has no rows but dead ones; who stores messages meanwhile waits for the lock as long at most. */
export function emptySlot(s: string, slot: number): Readonly<Record<'lock' | 'isUsed' | 'truncate', Statement>> {
  return {
    lock: { text: `LOCK TABLE ${s}.queue_${slot} IN ACCESS EXCLUSIVE MODE` },
    isUsed: { text: `SELECT FROM ${s}.queue_${slot} LIMIT 1` },
    truncate: { text: `TRUNCATE ${s}.queue_${slot}` },
  }
}
