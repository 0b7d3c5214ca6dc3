import type { Pool } from 'pg'
import { command, contract, type, type DatabaseBus, type PostgresTransaction } from 'waybill'

export const payments = contract('payments', { charge: command(type<{ order: string; cents: number }>()) })

/** @param bus of `createBus({ transport: postgres({ url }) })`, where `url` is the database of `pool` */
export async function checkout(bus: DatabaseBus<PostgresTransaction>, pool: Pool, order: string) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO orders VALUES ($1)', [order])
    await bus.in(client).send(payments.charge, { order, cents: 1999 })
    await client.query('COMMIT') // both, or neither
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
