// The outbox as operators see it. Bodies are read one at a time, of what is asked for by its position.
import { createHash } from 'node:crypto'
import type {
  ChannelBacklog,
  OutboxBacklog,
  OutboxOperations,
  ParkedRow,
  RemovedRow,
} from '../../store/outbox-operations.ts'
import type { Answer, Row, Statement } from './executor.ts'
import { asText, textForPeople, type RowCodec } from './outbox-row.ts'
import type { Once, OutboxStatements } from './outbox.ts'

/** The oldest so many of each sort are counted by channel: a hundred thousand take a tenth of a second. */
const COUNTED_TO = 100_000

/** A removal as it is written down: the columns `target`, `head` and `error` as they were read. */
export interface RowToRemove {
  readonly position: bigint
  readonly attempts: number
  readonly created: number
  readonly since: number | null
  readonly target: string
  readonly head: string
  readonly error: string
  readonly bytes: number
  readonly sha256: string
  readonly actor: string
  readonly note: string
}

export interface OperationStatements {
  /**
   * `target`, `parked` (0 or 1), `count`, and `oldest`, an age in milliseconds, of the first `upTo` waiting and the first `upTo` parked
   * rows; most first, at most `limit`.
   */
  backlog(upTo: number, limit: number): Statement
  /** Of parked rows: columns as `RowCodec.decode()` wants them but for `body`; `error`, `created`, `since`, `bytes`. */
  parked(after: bigint, limit: number): Statement
  /** The same of one, with its body; locked until the end of the transaction. */
  find(position: bigint): Statement
  note(row: RowToRemove): Statement
  /** As `parked`, with `number`, `removed`, `actor`, `note` and `sha256`. */
  removed(before: bigint | undefined, limit: number): Statement
}

interface Statements {
  readonly operations: OperationStatements
  readonly outbox: Pick<OutboxStatements, 'remove'>
}

/** Runs several statements in a transaction of their own. */
export type InOne = <R>(what: string, use: (run: (statement: Statement) => Promise<Answer>) => Promise<R>) => Promise<R>

export class Operations implements OutboxOperations {
  readonly #sql: Statements
  readonly #once: Once
  readonly #inOne: InOne
  readonly #codec: RowCodec

  constructor(sql: Statements, once: Once, inOne: InOne, codec: RowCodec) {
    this.#sql = sql
    this.#once = once
    this.#inOne = inOne
    this.#codec = codec
  }

  async backlog(limit: number): Promise<OutboxBacklog> {
    // Two rows for each channel, and one more says that there are others.
    const most = 2 * limit
    const statement = this.#sql.operations.backlog(COUNTED_TO, most + 1)
    const rows = await this.#read('counting the outbox by channel', statement)
    const channels = new Map<string, ChannelBacklog>()
    for (const row of rows.slice(0, most)) {
      const target = asText(row['target'])
      const { to, waiting, parked, oldestMs } = channels.get(target) ?? {
        to: this.#codec.targetOf(target),
        waiting: 0,
        parked: 0,
        oldestMs: undefined,
      }
      const count = Number(row['count'])
      if (Number(row['parked']) === 1) channels.set(target, { to, waiting, parked: count, oldestMs })
      else channels.set(target, { to, waiting: count, parked, oldestMs: Math.max(0, Number(row['oldest'])) })
    }
    const mostFirst = [...channels.values()].sort((a, b) => b.waiting + b.parked - a.waiting - a.parked)
    const counted = { waiting: 0, parked: 0 }
    for (const { waiting, parked } of mostFirst) {
      counted.waiting += waiting
      counted.parked += parked
    }
    const complete =
      rows.length <= most && mostFirst.length <= limit && counted.waiting < COUNTED_TO && counted.parked < COUNTED_TO
    return { channels: mostFirst.slice(0, limit), complete }
  }

  async parked(after: bigint, limit: number): Promise<readonly ParkedRow[]> {
    if (limit < 1) return []
    const rows = await this.#read('reading what was put aside', this.#sql.operations.parked(after, limit))
    return rows.map((row) => this.#forPeople(row))
  }

  async find(position: bigint): Promise<(ParkedRow & { readonly body: Uint8Array }) | undefined> {
    const [row] = await this.#read('reading what was put aside', this.#sql.operations.find(position))
    return row === undefined ? undefined : { ...this.#forPeople(row), body: row['body'] as Uint8Array }
  }

  remove(position: bigint, by: string, note: string): Promise<RemovedRow | undefined> {
    const { operations, outbox } = this.#sql
    return this.#inOne('removing what was put aside', async (run) => {
      const [row] = (await run(operations.find(position))).rows
      if (row === undefined) return undefined
      const { attempts, writtenAt, parkedAt, error, bytes } = this.#forPeople(row)
      const record: RowToRemove = {
        position,
        attempts,
        created: writtenAt,
        since: parkedAt ?? null,
        target: asText(row['target']),
        head: asText(row['head']),
        error,
        bytes,
        sha256: createHash('sha256')
          .update(row['body'] as Uint8Array)
          .digest('hex'),
        actor: textForPeople(by),
        note: textForPeople(note),
      }
      await run(operations.note(record))
      await run(outbox.remove([position]))
      const [removed] = (await run(operations.removed(undefined, 1))).rows
      return removed === undefined ? undefined : this.#removal(removed)
    })
  }

  async removed(before: bigint | undefined, limit: number): Promise<readonly RemovedRow[]> {
    if (limit < 1) return []
    const rows = await this.#read('reading what was removed', this.#sql.operations.removed(before, limit))
    return rows.map((row) => this.#removal(row))
  }

  async #read(what: string, statement: Statement): Promise<readonly Row[]> {
    return (await this.#once(what, statement)).rows
  }

  #forPeople(row: Row): ParkedRow {
    const { position, message, to, attempts } = this.#codec.decode({ ...row, body: NO_BODY })
    const { body: _, ...head } = message
    return {
      position,
      message: head,
      to,
      attempts,
      bytes: Number(row['bytes']),
      error: asText(row['error']),
      writtenAt: Number(row['created']),
      parkedAt: row['since'] === null || row['since'] === undefined ? undefined : Number(row['since']),
    }
  }

  #removal(row: Row): RemovedRow {
    return {
      ...this.#forPeople(row),
      number: BigInt(row['number'] as bigint | number | string),
      removedAt: Number(row['removed']),
      by: asText(row['actor']),
      note: asText(row['note']),
      sha256: asText(row['sha256']),
    }
  }
}

const NO_BODY = new Uint8Array()
