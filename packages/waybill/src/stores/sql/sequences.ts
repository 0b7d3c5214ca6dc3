// Counters. A row is locked by who counts until its transaction ends, so the order of numbers is the order of commits.
import { boundedKey } from './bounded-key.ts'
import type { Executor, Statement } from './executor.ts'

export interface SequenceStatements {
  /** One or more; the last answers `value`, the counter after `count` was added. Begins with 0. */
  add(counter: string, count: number): readonly Statement[]
  /** One or more; the last answers `previous`, the highest before, NULL at the first. */
  observe(counter: string, sequence: number): readonly Statement[]
}

/** @returns the first of them: 1 for a new counter */
export async function nextSequence<Tx>(
  executor: Executor<Tx>,
  sql: SequenceStatements,
  tx: Tx,
  counter: string,
  count: number,
): Promise<number> {
  const value = await lastColumn(executor, tx, sql.add(`given:${boundedKey(counter)}`, count), 'value')
  return Number(value) - count + 1
}

export async function observeSequence<Tx>(
  executor: Executor<Tx>,
  sql: SequenceStatements,
  tx: Tx,
  counter: string,
  sequence: number,
): Promise<number | undefined> {
  const previous = await lastColumn(executor, tx, sql.observe(`seen:${boundedKey(counter)}`, sequence), 'previous')
  return previous === null || previous === undefined ? undefined : Number(previous)
}

async function lastColumn<Tx>(
  executor: Executor<Tx>,
  tx: Tx,
  statements: readonly Statement[],
  column: string,
): Promise<unknown> {
  let value: unknown
  for (const statement of statements) value = (await executor.run(tx, statement)).rows[0]?.[column]
  return value
}
