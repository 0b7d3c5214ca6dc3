import { createConnection } from 'mysql2/promise'
import { expect, test } from 'vitest'
import { describeNeeding } from '../needing.test-support.ts'
import { MariadbServer } from './mariadb-server.ts'

async function ask(url: string, sql: string): Promise<unknown> {
  const connection = await createConnection({ uri: url })
  try {
    return (await connection.query({ sql, rowsAsArray: true }))[0]
  } finally {
    connection.destroy()
  }
}

const missing = MariadbServer.findProgram() === undefined ? 'mariadb-server is not installed' : undefined

describeNeeding(missing)('MariadbServer', () => {
  test(
    'keeps what is committed through kill() and restart(), with a client there, beside another one',
    { timeout: 120_000 },
    async () => {
      await using server = await MariadbServer.start()
      await using other = await MariadbServer.start()
      await ask(server.url, 'CREATE DATABASE shop')
      await ask(server.url, 'CREATE TABLE shop.kept (what TEXT)')
      await ask(server.url, "INSERT INTO shop.kept VALUES ('still here')")
      const cut = ask(server.url, 'SELECT SLEEP(60)').catch((error: unknown) => String(error))
      await expect
        .poll(() => ask(server.url, "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'"), {
          timeout: 20_000,
        })
        .toEqual([[1]])
      await server.kill()
      expect(await cut).toMatch(/closed the connection|ECONNRESET/)
      await expect(ask(server.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await expect(ask(other.url, 'SELECT what FROM shop.kept')).rejects.toThrow(/doesn't exist/)
      await server.restart()
      expect(await ask(server.url, 'SELECT what FROM shop.kept')).toEqual([['still here']])
      await server.shutDown()
      await server.restart()
      expect(await ask(server.url, 'SELECT what FROM shop.kept')).toEqual([['still here']])
    },
  )
})
