// The twins of outbox and inbox on PostgreSQL: what a user writes by hand, in tables of their own.
import pg from 'pg'
import type { Transport, WireMessage } from 'waybill/transport'
import type { Channel } from 'waybill/transport'

const BATCH = 512

/** Rows are fetched, published, and deleted in one transaction: SELECT … FOR UPDATE SKIP LOCKED, then one DELETE. */
export class OutboxTwin {
  readonly #client: pg.Client

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async open(url: string): Promise<OutboxTwin> {
    const client = new pg.Client(url)
    await client.connect()
    await client.query('CREATE TABLE twin_outbox (id bigserial PRIMARY KEY, head text NOT NULL, body bytea NOT NULL)')
    await client.query('CREATE TABLE twin_inbox (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())')
    return new OutboxTwin(client)
  }

  async fill(messages: readonly WireMessage[]): Promise<void> {
    const heads = messages.map((message) => JSON.stringify({ ...message, body: undefined, headers: undefined }))
    const text = 'INSERT INTO twin_outbox (head, body) SELECT * FROM unnest($1::text[], $2::bytea[])'
    await this.#client.query(text, [heads, messages.map(({ body }) => body)])
  }

  /** Until nothing is left. */
  async relay(transport: Transport, to: Channel): Promise<void> {
    const client = this.#client
    for (;;) {
      await client.query('BEGIN')
      const { rows } = await client.query<{ id: string; head: string; body: Buffer }>({
        name: 'twin_select',
        text: 'SELECT id, head, body FROM twin_outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED',
        values: [BATCH],
      })
      if (rows.length > 0) {
        await transport.send(
          rows.map(({ head, body }) => ({ to, message: { ...(JSON.parse(head) as WireMessage), headers: {}, body } })),
        )
        await client.query({
          name: 'twin_delete',
          text: 'DELETE FROM twin_outbox WHERE id = ANY ($1::bigint[])',
          values: [rows.map(({ id }) => id)],
        })
      }
      await client.query('COMMIT')
      if (rows.length === 0) return
    }
  }

  /** One transaction: which of these are new, and the user's own write for them. */
  async handle(ids: readonly string[], write: (client: pg.Client, count: number) => Promise<unknown>): Promise<void> {
    const client = this.#client
    await client.query('BEGIN')
    const { rows } = await client.query({
      name: 'twin_inbox',
      text: 'INSERT INTO twin_inbox (id) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING id',
      values: [[...ids]],
    })
    await write(client, rows.length)
    await client.query('COMMIT')
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}
