import type { Runtime } from '../../runtime/runtime.ts'
import type { Answer, Statement } from '../sql/executor.ts'
import { CommitListener } from './commit-listener.ts'
import { CommitTeller } from './commit-teller.ts'
import type { PostgresClient, PostgresPool } from './postgres-pool.ts'

/** Notifications between processes whose outbox is in one schema. */
export class CommitNews {
  readonly #pool: PostgresPool<unknown>
  readonly #channel: string
  readonly #once: (statement: Statement) => Promise<Answer>
  #listener: CommitListener | undefined
  #teller: CommitTeller | undefined

  /** @param once runs a statement by itself */
  constructor(pool: PostgresPool<unknown>, schema: string, once: (statement: Statement) => Promise<Answer>) {
    this.#pool = pool
    this.#channel = `waybill_store:${schema}`
    this.#once = once
  }

  open(runtime: Runtime): void {
    const connect = async (): Promise<PostgresClient> => (await this.#pool.connect()) as PostgresClient
    this.#listener = new CommitListener(connect, this.#channel, runtime)
    const notify = { name: 'waybill_store notify', text: "SELECT pg_notify($1, '')", values: [this.#channel] }
    this.#teller = new CommitTeller(runtime, async () => void (await this.#once(notify)))
  }

  async close(): Promise<void> {
    await this.#teller?.end()
    await this.#listener?.end()
  }

  readonly onCommit = (listener: () => void): Promise<() => Promise<void>> =>
    this.#listener?.add(listener) ?? Promise.reject(new TypeError('the store is not open'))

  tell(when: 'now' | 'soon'): void {
    this.#teller?.tell(when)
  }
}
