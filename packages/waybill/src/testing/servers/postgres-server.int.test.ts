import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { describeNeeding } from '../needing.test-support.ts'
import { PostgresServer } from './postgres-server.ts'

const program = PostgresServer.findProgram()

/** What psql prints, which comes with the server. */
async function ask(url: string, sql: string): Promise<string> {
  const psql = join(dirname(program ?? ''), 'psql')
  const { stdout } = await promisify(execFile)(psql, ['-X', '-At', '-d', url, '-c', sql])
  return stdout.trim()
}

describeNeeding(program === undefined ? 'postgresql is not installed' : undefined)('PostgresServer', () => {
  test(
    'keeps what is committed through kill() and restart(), with a client there, beside another one',
    { timeout: 120_000 },
    async () => {
      await using server = await PostgresServer.start()
      await using other = await PostgresServer.start()
      await ask(server.url, `create table kept (what text)`)
      await ask(server.url, `insert into kept values ('still here')`)
      const cut = ask(server.url, 'select pg_sleep(60)').catch((error: unknown) => String(error))
      await expect
        .poll(() => ask(server.url, `select count(*) from pg_stat_activity where wait_event = 'PgSleep'`), {
          timeout: 20_000,
        })
        .toBe('1')
      await server.kill()
      expect(await cut).toContain('server closed the connection')
      await expect(ask(server.url, 'select 1')).rejects.toThrow(/Connection refused/)
      await expect(ask(other.url, 'select what from kept')).rejects.toThrow(/does not exist/)
      await server.restart()
      expect(await ask(server.url, 'select what from kept')).toBe('still here')
      await server.shutDown()
      await server.restart()
      expect(await ask(server.url, 'select what from kept')).toBe('still here')
    },
  )
})
