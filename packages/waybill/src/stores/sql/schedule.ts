// The schedule: messages that are to wait, by due time. What is due is moved to the outbox, and what comes again stays with its
// next due time, in one transaction.
import { headOf, messageOf } from '../../message/stored-message.ts'
import type { Answer, Row, Statement } from './executor.ts'
import type { OutboxStatements } from './outbox.ts'
import { asText, laneOf, type RowToSend, type RowToWait } from './outbox-row.ts'

export interface ScheduleStatements {
  /** An id that is there already changes nothing. */
  insert(rows: readonly RowToWait[]): readonly Statement[]
  cancel(ids: readonly string[]): Statement
  /**
   * Locks what is due, oldest first, passing by what others have locked: `seq`, `due`, `every`, `target`, `head`, `body`, and
   * `now`, the database's clock in milliseconds.
   */
  due(limit: number): Statement
  remove(seqs: readonly bigint[]): Statement
  postpone(seq: bigint, due: number, head: string): Statement
  /** As `wait`: in how many milliseconds the next is due. No row, or NULL, where nothing is scheduled. */
  next(): Statement
}

type Run = (statement: Statement) => Promise<Answer>

/** In one transaction. */
export async function moveDue(
  sql: ScheduleStatements,
  outbox: Pick<OutboxStatements, 'insert'>,
  run: Run,
  limit: number,
): Promise<{ readonly moved: number; readonly nextInMs: number | undefined }> {
  const { rows } = await run(sql.due(limit))
  const moves = rows.map(moveOf)
  if (moves.length > 0) for (const statement of outbox.insert(moves.map(({ row }) => row))) await run(statement)
  const over = moves.filter(({ next }) => next === undefined)
  if (over.length > 0) await run(sql.remove(over.map(({ seq }) => seq)))
  for (const { seq, next } of moves) if (next !== undefined) await run(sql.postpone(seq, next.due, next.head))
  const [first] = (await run(sql.next())).rows
  const wait = first?.['wait']
  return { moved: moves.length, nextInMs: wait === null || wait === undefined ? undefined : Math.max(0, Number(wait)) }
}

interface Move {
  readonly seq: bigint
  readonly row: RowToSend
  readonly next: { readonly due: number; readonly head: string } | undefined
}

function moveOf(row: Row): Move {
  const [head, target, body] = [asText(row['head']), asText(row['target']), row['body'] as Uint8Array]
  const [due, every, now] = [Number(row['due']), Number(row['every'] ?? 0), Number(row['now'])]
  const seq = BigInt(row['seq'] as bigint | number | string)
  if (every <= 0) return { seq, row: { lane: Number(row['lane']), target, head, body }, next: undefined }
  const message = messageOf({ head, body })
  // Whatever was missed while nobody moved anything is one occurrence: the latest. So it cannot come as a flood.
  const latest = due + Math.floor(Math.max(0, now - due) / every) * every
  const expiresAt = (at: number): number | undefined =>
    message.expiresAt === undefined ? undefined : message.expiresAt + at - due
  const occurrence = { ...message, id: `${message.id}@${latest}`, time: latest, expiresAt: expiresAt(latest) }
  const following = latest + every
  return {
    seq,
    row: { lane: laneOf(occurrence), target, head: headOf(occurrence), body },
    next: { due: following, head: headOf({ ...message, expiresAt: expiresAt(following) }) },
  }
}
