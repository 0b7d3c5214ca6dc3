// The outbox: messages that are to leave, in the order of their positions, which one sequence gives. A row is deleted when the
// broker has its message.
import type { OutboxRow, OutboxSnapshot } from '../../store/store.ts'
import type { Answer, Statement } from './executor.ts'
import { asText, textForPeople, type RowCodec, type RowToSend } from './outbox-row.ts'

/** Counting a million rows takes the fastest database a tenth of a second. */
export const COUNTED_TO = 1_000_000

export interface OutboxStatements {
  /** In this order; as few statements as the database's bounds allow. */
  insert(rows: readonly RowToSend[]): readonly Statement[]
  /** Columns as `RowCodec.decode()` wants them. */
  fetch(lanes: readonly number[], after: bigint, limit: number): Statement
  remove(positions: readonly bigint[]): Statement
  noteRefusal(position: bigint, error: string): Statement
  park(position: bigint, error: string): Statement
  /** With `error`. */
  parked(limit: number): Statement
  /** Written anew, behind all others, in the order of their positions, by the first; then the old ones are deleted. */
  unpark(positions: readonly bigint[]): readonly Statement[]
  /** `waiting`, `parked` and `scheduled`, each up to so many; `oldest`, in milliseconds, or NULL. */
  count(upTo: number): Statement
}

/** Runs one statement by itself. */
export type Once = (what: string, statement: Statement) => Promise<Answer>

export class Outbox {
  readonly #sql: OutboxStatements
  readonly #once: Once
  readonly #codec: RowCodec

  constructor(sql: OutboxStatements, once: Once, codec: RowCodec) {
    this.#sql = sql
    this.#once = once
    this.#codec = codec
  }

  async fetch(lanes: readonly number[], after: bigint, limit: number): Promise<readonly OutboxRow[]> {
    if (lanes.length === 0 || limit < 1) return []
    const { rows } = await this.#once('reading the outbox', this.#sql.fetch(lanes, after, limit))
    return rows.map((row) => this.#codec.decode(row))
  }

  async remove(positions: readonly bigint[]): Promise<void> {
    if (positions.length > 0) await this.#once('emptying the outbox', this.#sql.remove(positions))
  }

  async noteRefusal(position: bigint, error: string): Promise<void> {
    await this.#once('noting a refusal', this.#sql.noteRefusal(position, textForPeople(error)))
  }

  async park(position: bigint, error: string): Promise<void> {
    await this.#once('putting a message aside', this.#sql.park(position, textForPeople(error)))
  }

  async parked(limit: number): Promise<readonly (OutboxRow & { readonly error: string })[]> {
    if (limit < 1) return []
    const { rows } = await this.#once('reading what was put aside', this.#sql.parked(limit))
    return rows.map((row) => ({ ...this.#codec.decode(row), error: asText(row['error']) }))
  }

  async inspect(): Promise<OutboxSnapshot> {
    const { rows } = await this.#once('counting the outbox', this.#sql.count(COUNTED_TO))
    const [row] = rows
    const number = (column: string): number => Number(row?.[column] ?? 0)
    const oldest = row?.['oldest']
    return {
      waiting: number('waiting'),
      parked: number('parked'),
      scheduled: number('scheduled'),
      oldestMs: oldest === null || oldest === undefined ? undefined : Math.max(0, Number(oldest)),
    }
  }
}
