// Messages stored by a transaction of the user's own: no outbox is needed where the queue is in his database.
import { historyOf, messagesOf } from './names.ts'
import { publicationValues, type Publication } from './publication.ts'
import type { PublishResult } from './publisher.ts'
import { statementError } from './postgres-errors.ts'
import type { Statements } from './sql/statements.ts'

/** A client of the driver pg, or of a pool of it, between its BEGIN and its COMMIT. */
export interface PostgresTransaction {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

interface Stored {
  readonly unrouted: readonly number[]
  readonly groups: readonly number[]
  readonly kept: readonly number[]
}

/**
 * Stores a batch, and tells who waits for it: the server does so when the transaction commits.
 *
 * @throws {TypeError} when `tx` is no client of the driver
 * @throws {WaybillError} what the server says; the transaction is over then
 */
export async function publishWithin(
  tx: unknown,
  batch: readonly Publication[],
  sql: Statements,
  schema: string,
): Promise<readonly PublishResult[]> {
  const client = clientIn(tx)
  try {
    const { rows } = await client.query(sql.publish.text, [...publicationValues(batch)])
    const [{ unrouted, groups, kept }] = rows as readonly [Stored] // one row, by the statement
    const news = [...groups.map((id) => messagesOf(schema, id)), ...kept.map((id) => historyOf(schema, id))]
    if (news.length > 0) await client.query(sql.notify.text, [news])
    return batch.map((_, n) => ({ outcome: unrouted.includes(n + 1) ? 'unrouted' : 'accepted' }))
  } catch (error) {
    throw statementError('storing messages in a transaction', error)
  }
}

function clientIn(tx: unknown): PostgresTransaction {
  if (typeof tx === 'object' && tx !== null && 'query' in tx && typeof tx.query === 'function')
    return tx as PostgresTransaction // what its query() answers, the statement checks
  throw new TypeError('bus.in(tx) takes a client of the driver pg that has begun a transaction')
}
