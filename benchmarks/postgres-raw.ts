// The raw twin on PostgreSQL: what a user of the driver alone writes for the same messages, in a table of their own.
import pg from 'pg'
import { messageOf } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'

/** Inserts of one turn in one statement; SELECT … FOR UPDATE SKIP LOCKED and one DELETE for a batch, in a transaction. */
export class RawTable implements Runner {
  readonly #storing: pg.Client
  readonly #handling: pg.Client
  readonly #name: string

  private constructor(storing: pg.Client, handling: pg.Client, name: string) {
    this.#storing = storing
    this.#handling = handling
    this.#name = name
  }

  static async open(url: string, name: string): Promise<RawTable> {
    const clients = [new pg.Client(url), new pg.Client(url)] as const
    await Promise.all(clients.map((client) => client.connect()))
    await clients[0].query(`CREATE TABLE ${name} (id bigserial PRIMARY KEY, head text NOT NULL, body bytea NOT NULL)`)
    return new RawTable(...clients, name)
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const handled = this.#handle(messages, window)
    const text = `INSERT INTO ${this.#name} (head, body) SELECT * FROM unnest($1::text[], $2::bytea[])`
    for (let sent = 0; sent < messages;) {
      const count = Math.min(window, messages - sent)
      const batch = Array.from({ length: count }, () => messageOf(body, 'event', undefined))
      const heads = batch.map((message) => JSON.stringify({ ...message, body: undefined, headers: undefined }))
      await this.#storing.query({ name: 'insert', text, values: [heads, batch.map(() => body)] })
      sent += count
    }
    await handled
  }

  async close(): Promise<void> {
    await this.#storing.query(`DROP TABLE ${this.#name}`)
    await this.#storing.end()
    await this.#handling.end()
  }

  async #handle(messages: number, window: number): Promise<void> {
    const client = this.#handling
    const select = `SELECT id, head, body FROM ${this.#name} ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`
    const remove = `DELETE FROM ${this.#name} WHERE id = ANY ($1::bigint[])`
    let handled = 0
    while (handled < messages) {
      await client.query('BEGIN')
      const { rows } = await client.query<{ id: string; head: string }>({
        name: 'select',
        text: select,
        values: [window],
      })
      for (const { head } of rows) if (typeof JSON.parse(head) === 'object') handled++
      if (rows.length > 0) await client.query({ name: 'delete', text: remove, values: [rows.map(({ id }) => id)] })
      await client.query('COMMIT')
    }
  }
}
