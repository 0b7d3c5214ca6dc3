// `waybill postgres migrate`: an administrator makes the tables, and services that may not make them find them.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isWaybillError } from '../message/errors.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { PostgresServer } from '../testing/servers/postgres-server.ts'
import { postgres } from '../transports/postgres/postgres.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

function waybill(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr })
    })
  })
}

describeNeeding(missing)('waybill postgres migrate', () => {
  let server: PostgresServer | undefined
  beforeAll(async () => {
    server = await PostgresServer.start()
  }, 60_000)
  afterAll(async () => {
    await server?.stop()
  }, 60_000)

  async function connect(): Promise<void> {
    const transport = await postgres({ url: server?.url ?? '', schema: 'shop', migrate: false })(systemRuntime())
    try {
      await transport.connect(AbortSignal.timeout(10_000))
    } finally {
      await transport.close(0)
    }
  }

  test('makes the tables that services then find', async () => {
    await expect(connect()).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_NOT_FOUND'))
    const { code, output } = await waybill('postgres', 'migrate', '--url', `${server?.url}?schema=shop`)
    expect(output).toBe('schema shop is at version 1\n')
    expect(code).toBe(0)
    await connect()
  }, 60_000)

  test('says what is wrong with an address', async () => {
    const { code, output } = await waybill('postgres', 'migrate', '--url', 'mysql://host/db')
    expect(output).toContain('WAYBILL_BAD_URL')
    expect(code).not.toBe(0)
  }, 60_000)
})
