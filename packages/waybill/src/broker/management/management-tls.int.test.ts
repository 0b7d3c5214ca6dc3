import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { CertificateAuthority } from '../../testing/servers/certificate-authority.ts'
import { Router } from './http/router.ts'
import { ManagementServer } from './management-server.ts'
import { whoamiRoutes } from './resources/whoami.ts'
import { ManagementUser } from './management-user.ts'

test('ManagementServer speaks TLS alone where it has a certificate, on all loopback addresses', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-management-'))
  const authority = await CertificateAuthority.create(folder, 'authority')
  const { certificate: cert, key } = await authority.forServer('broker', ['DNS:localhost', 'IP:127.0.0.1'])
  const server = await ManagementServer.listen({
    host: 'localhost',
    port: 0,
    tls: { cert, key },
    runtime: systemRuntime(),
    router: new Router(whoamiRoutes()),
    login: async (user) => new ManagementUser({ user, tags: ['management'], guard: () => undefined }),
    failed: (error) => {
      throw error
    },
  })
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      const options = {
        host: 'localhost',
        port: server.port,
        path: '/api/whoami',
        auth: 'ada:x',
        ca: authority.certificate,
      }
      const asked = request(options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve(`${response.statusCode} ${text}`))
      })
      asked.on('error', reject).end()
    })
    expect(answer).toBe('200 {"name":"ada","tags":["management"]}')
    await expect(fetch(`http://127.0.0.1:${server.port}/api/whoami`)).rejects.toThrow('fetch failed')
  } finally {
    await server.close(0)
    rmSync(folder, { recursive: true, force: true })
  }
})
