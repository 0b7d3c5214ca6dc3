// What the services write about their work, in the same transactions as the work.
import type { Database } from './databases.ts'
import type { Step } from './workload.ts'

/** By whom a step was handled; `auditor` handles what the worker has published. */
export type Book = 'applied' | 'audited'

export interface Entry extends Step {
  /** Grows from entry to entry of a book. */
  readonly id: number
}

export class Ledger<Tx> {
  readonly #database: Database<Tx>

  constructor(database: Database<Tx>) {
    this.#database = database
  }

  async create(): Promise<void> {
    const { counter } = this.#database
    await this.#database.define([
      ...['applied', 'audited'].map(
        (book) => `CREATE TABLE ${book} (id ${counter}, k varchar(20) NOT NULL, n integer NOT NULL)`,
      ),
      'CREATE TABLE totals (k varchar(20) PRIMARY KEY, total integer NOT NULL)',
      'CREATE TABLE repaired (n integer NOT NULL)',
    ])
  }

  async openAccounts(keys: readonly string[]): Promise<void> {
    await this.#database.store.transaction(async (tx) => {
      for (const key of keys) await this.#database.run(tx, 'INSERT INTO totals (k, total) VALUES (?, 0)', [key])
    })
  }

  async write(tx: Tx, book: Book, { key, n }: Step): Promise<void> {
    await this.#database.run(tx, `INSERT INTO ${book} (k, n) VALUES (?, ?)`, [key, n])
    if (book === 'applied') await this.#database.run(tx, 'UPDATE totals SET total = total + ? WHERE k = ?', [n, key])
  }

  /** From now on nothing is broken any more. */
  async repair(): Promise<void> {
    await this.#database.store.transaction((tx) => this.#database.run(tx, 'INSERT INTO repaired (n) VALUES (1)', []))
  }

  async unrepair(): Promise<void> {
    await this.#database.store.transaction((tx) => this.#database.run(tx, 'DELETE FROM repaired', []))
  }

  async isRepaired(tx: Tx): Promise<boolean> {
    return (await this.#database.all(tx, 'SELECT n FROM repaired LIMIT 1', [])).length > 0
  }

  /** In the order of writing. */
  async read(book: Book): Promise<readonly Entry[]> {
    return await this.#database.store.transaction(async (tx) => {
      const rows = await this.#database.all<{ id: string | number; k: string; n: number }>(
        tx,
        `SELECT id, k, n FROM ${book} ORDER BY id`,
        [],
      )
      return rows.map(({ id, k, n }) => ({ id: Number(id), key: k, n }))
    })
  }

  async totals(): Promise<ReadonlyMap<string, number>> {
    return await this.#database.store.transaction(async (tx) => {
      const rows = await this.#database.all<{ k: string; total: number }>(tx, 'SELECT k, total FROM totals', [])
      return new Map(rows.map(({ k, total }) => [k, total]))
    })
  }
}
