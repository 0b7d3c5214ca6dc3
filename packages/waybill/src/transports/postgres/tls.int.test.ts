// TLS, on a server of our own whose authority no machine trusts, behind an address that is away.
import { chmod, chown, copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { severalServers } from '../../../../../docs/postgres/several-servers.ts'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { CertificateAuthority } from '../../testing/servers/certificate-authority.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { postgres } from './postgres.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

describeNeeding(missing)('postgres() over TLS', () => {
  let server: PostgresServer | undefined
  let folder = ''
  let authority: CertificateAuthority | undefined

  beforeAll(async () => {
    server = await PostgresServer.start()
    folder = await mkdtemp(join(tmpdir(), 'waybill-authority-'))
    authority = await CertificateAuthority.create(folder, 'authority')
    const { certificateFile, keyFile } = await authority.forServer('server', ['IP:127.0.0.1'])
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    try {
      const { rows } = await client.query<{ data: string }>(`SELECT current_setting('data_directory') AS data`)
      const data = rows[0]?.data ?? ''
      const { uid, gid } = await stat(data)
      for (const [from, to] of [
        [certificateFile, join(data, 'server.crt')],
        [keyFile, join(data, 'server.key')],
      ] as const) {
        await copyFile(from, to)
        await chmod(to, 0o600)
        await chown(to, uid, gid)
      }
      await client.query('ALTER SYSTEM SET ssl = on')
      await client.query('SELECT pg_reload_conf()')
    } finally {
      await client.end()
    }
  }, 150_000)
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }, 60_000)

  async function connected(factory: TransportFactory): Promise<string> {
    const transport = await factory(systemRuntime())
    try {
      return (await transport.connect(AbortSignal.timeout(20_000))).engine
    } finally {
      await transport.close(0)
    }
  }

  test('connects as the documentation shows, to the second of two addresses', { timeout: 60_000 }, async () => {
    const url = `postgres://postgres@127.0.0.1:1,127.0.0.1:${server?.port}/postgres`
    expect(await connected(severalServers(url, authority?.certificateFile ?? ''))).toBe('postgres')
    const client = new pg.Client({ connectionString: server?.url ?? '' })
    await client.connect()
    const { rows } = await client.query(`SELECT to_regclass('shop_messages.queue') IS NOT NULL AS found`)
    await client.end()
    expect(rows).toEqual([{ found: true }])
  })

  test('does not trust a server that nobody vouches for', { timeout: 60_000 }, async () => {
    const refused = await connected(postgres({ url: server?.url ?? '', tls: true })).catch((error: unknown) => error)
    expect(isWaybillError(refused, 'WAYBILL_NOT_CONNECTED')).toBe(true)
    expect(String(refused)).toContain('was not trusted')
  })
})
