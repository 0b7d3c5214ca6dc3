// The bank's books: balances, and a line for each half of a transfer, written in the transaction that moves the money.
import { command, contract, type } from 'waybill'
import type { Database } from '../crash/databases.ts'

export interface Transfer {
  readonly id: string
  readonly from: number
  readonly to: number
  /** In cents. */
  readonly amount: number
}

export const ACCOUNTS = 1_000
export const OPENING_BALANCE = 10_000

/** @param name unique for each run: channels outlive it on some servers */
export function bankContract(name: string) {
  return contract(name, {
    /** Takes the money from one account. */
    transfer: command(type<Transfer>(), { key: ({ from }) => String(from) }),
    /** Gives it to the other one, in another transaction, perhaps in another process. */
    deposit: command(type<Transfer>(), { key: ({ to }) => String(to) }),
  })
}

export type Half = 'debits' | 'credits'

export class Accounts<Tx> {
  readonly #database: Database<Tx>

  constructor(database: Database<Tx>) {
    this.#database = database
  }

  async open(): Promise<void> {
    const { store, counter } = this.#database
    await this.#database.define([
      'CREATE TABLE accounts (id integer PRIMARY KEY, balance bigint NOT NULL)',
      ...['debits', 'credits'].map(
        (half) =>
          `CREATE TABLE ${half} (n ${counter}, transfer varchar(40) NOT NULL, account integer NOT NULL, amount bigint NOT NULL)`,
      ),
    ])
    await store.transaction(async (tx) => {
      for (let id = 0; id < ACCOUNTS; id++)
        await this.#database.run(tx, 'INSERT INTO accounts (id, balance) VALUES (?, ?)', [id, OPENING_BALANCE])
    })
  }

  async move(tx: Tx, half: Half, { id, from, to, amount }: Transfer): Promise<void> {
    const [account, change] = half === 'debits' ? [from, -amount] : [to, amount]
    await this.#database.run(tx, 'UPDATE accounts SET balance = balance + ? WHERE id = ?', [change, account])
    await this.#database.run(tx, `INSERT INTO ${half} (transfer, account, amount) VALUES (?, ?, ?)`, [
      id,
      account,
      amount,
    ])
  }

  async balances(): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#read<{ id: number | string; balance: number | string }>('SELECT id, balance FROM accounts')
    return new Map(rows.map(({ id, balance }) => [Number(id), Number(balance)]))
  }

  /** The transfers of which this half was done, once for each time. */
  async done(half: Half): Promise<readonly string[]> {
    return (await this.#read<{ transfer: string }>(`SELECT transfer FROM ${half}`)).map(({ transfer }) => transfer)
  }

  async countOf(half: Half): Promise<number> {
    const [row] = await this.#read<{ count: number | string }>(`SELECT count(*) AS count FROM ${half}`)
    return Number(row?.count ?? 0)
  }

  #read<Row>(sql: string): Promise<readonly Row[]> {
    return this.#database.store.transaction((tx) => this.#database.all<Row>(tx, sql, []))
  }
}
