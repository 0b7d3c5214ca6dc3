// The inbox: one row for each message that a group has handled, written by the transaction that handles it. Two that write the
// same row are held apart by its primary key: the second waits for the first's transaction.
import { boundedKey } from './bounded-key.ts'
import type { Executor, Statement } from './executor.ts'

export interface InboxStatements {
  /**
   * Writes the rows that are not there, in this order. Answers the keys written in `key`; or how many it were in `changed`
   * where the database cannot return them: then `written` reads them.
   *
   * @param receipt of this call alone
   */
  receive(group: string, keys: readonly string[], receipt: string): Statement
  readonly written: ((group: string, keys: readonly string[], receipt: string) => Statement) | undefined
  forget(olderThanMs: number, limit: number): Statement
}

/** @returns those of `keys` that the group had handled before */
export async function receive<Tx>(
  executor: Executor<Tx>,
  sql: InboxStatements,
  tx: Tx,
  group: string,
  keys: readonly string[],
  receipt: string,
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set()
  const byStored = new Map(keys.map((key) => [boundedKey(key), key]))
  const owner = boundedKey(group)
  // Whoever writes several writes them in one order: nobody waits for somebody who waits for him.
  const stored = [...byStored.keys()].sort()
  let { rows, changed } = await executor.run(tx, sql.receive(owner, stored, receipt))
  if (sql.written !== undefined && changed !== stored.length)
    ({ rows, changed } = await executor.run(tx, sql.written(owner, stored, receipt)))
  else if (changed === stored.length) return new Set()
  for (const { key } of rows) byStored.delete(textOf(key))
  return new Set(byStored.values())
}

/** Of a column of text, or of one that is compared byte by byte. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}
