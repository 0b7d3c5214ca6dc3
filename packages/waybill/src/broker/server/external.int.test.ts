import { connect, credentials, type ChannelModel } from 'amqplib'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { CertificateAuthority, type Issued } from '../../testing/servers/certificate-authority.ts'
import { Broker } from '../broker.ts'
import { serveBroker, type BrokerServer } from './serve-broker.ts'

let folder: string
let authority: CertificateAuthority
let broker: Broker
let server: BrokerServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-external-'))
  authority = await CertificateAuthority.create(folder, 'authority')
  const { certificate: cert, key } = await authority.forServer('server', ['IP:127.0.0.1'])
  const runtime = systemRuntime()
  broker = await Broker.open({ runtime })
  const { access } = broker
  access.users.set({ name: 'certified', tags: [] })
  access.permissions.set({ virtualHost: '/', user: 'certified', configure: '.*', write: '.*', read: '.*' })
  const authenticate = access.authenticate.bind(access)
  const tls = { cert, key, ca: authority.certificate }
  server = await serveBroker({ broker, runtime, host: '127.0.0.1', port: 0, tls, authenticate, version: '0' })
})

afterAll(async () => {
  await server.close(1_000, 'the test is over')
  await broker.close()
  await rm(folder, { recursive: true })
})

async function enter({ certificate, key }: Issued): Promise<ChannelModel> {
  const where = { protocol: 'amqps', hostname: '127.0.0.1', port: server.port }
  const tls = { cert: certificate, key, passphrase: 'p', ca: [authority.certificate] }
  return connect(where, { ...tls, credentials: credentials.external() })
}

test('SASL EXTERNAL lets in whom a certificate of the authority names', async () => {
  const connection = await enter(await authority.forClient('certified', 'p'))
  const channel = await connection.createChannel()
  await channel.assertQueue('q')
  expect(Array.from(server.links, ({ session }) => [session.user, session.agreed?.mechanism])).toEqual([
    ['certified', 'EXTERNAL'],
  ])
  await connection.close()
  await expect(enter(await authority.forClient('stranger', 'p'))).rejects.toThrow(
    /403.*Login was refused using authentication mechanism EXTERNAL/,
  )
})
