/** A statement, and the name under which it is prepared. */
export interface Statement {
  /** Absent: not prepared. */
  readonly name?: string
  readonly text: string
}

export function named(name: string, text: string): Statement {
  return { name: `waybill_${name}`, text: text.trim() }
}

/** Milliseconds since the epoch, by the server's clock. */
export const NOW = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

/** Members of a group whose lease runs. */
export function living(s: string, group: string): string {
  return `(SELECT id FROM ${s}.member WHERE group_id = ${group} AND lives_until > now())`
}

/** Where a row of the queue is found by its id: an expression, so that the index of it serves nothing else (schema.ts). */
export function place(row = ''): string {
  return `(${row === '' ? '' : `${row}.`}id + 0)`
}
