// TLS, on a server of our own whose authority no machine trusts.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { overTls } from '../../../../../docs/rabbitmq/over-tls.ts'
import { createBus } from '../../bus/create-bus.ts'
import type { Logger } from '../../bus/observation/logger.ts'
import { service } from '../../bus/service/service.ts'
import { contract, query, type } from '../../contract/contract.ts'
import { CertificateAuthority, type Issued } from '../../testing/servers/certificate-authority.ts'
import { describeOwnRabbitmq } from '../../testing/servers/describe-own-rabbitmq.test-support.ts'
import { RabbitmqServer } from '../../testing/servers/rabbitmq-server.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { RabbitmqTlsOptions } from './rabbitmq-options.ts'
import { rabbitmq } from './rabbitmq.ts'

const PASSPHRASE = 'word-for-the-key'
const PASSWORD = 'word-for-the-user'

/** All that was logged, as text. */
const logged: string[] = []
const write = (fields: object, text: string): void => void logged.push(`${text} ${inspect(fields, { depth: 10 })}`)
const logger: Logger = { debug: write, info: write, warn: write, error: write }

const sums = contract('sums', { double: query(type<{ n: number }>(), type<{ n: number }>()) })

describeOwnRabbitmq('rabbitmq() over TLS', () => {
  let server: RabbitmqServer
  let folder: string
  let client: Issued
  let stranger: Issued

  beforeAll(async () => {
    server = await RabbitmqServer.start({ tls: true })
    client = await server.authority.forClient('client', PASSPHRASE)
    folder = await mkdtemp(join(tmpdir(), 'waybill-authority-'))
    stranger = await (await CertificateAuthority.create(folder, 'other')).forClient('stranger', PASSPHRASE)
  }, 150_000)
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function answered(tls: RabbitmqTlsOptions, url: string = server.tlsUrl): Promise<number> {
    return answeredOver(rabbitmq({ url, tls }))
  }

  /** A question and its answer pass, each way through the broker. */
  async function answeredOver(transport: TransportFactory): Promise<number> {
    const calculator = service('calculator').answer(sums.double, ({ n }) => ({ n: 2 * n }))
    await using bus = await createBus({ logger, drainOn: [], transport, services: [calculator] })
    return (await bus.request(sums.double, { n: 21 })).n
  }

  /** The one error of a start that fails, whose every corner has been searched for secrets. */
  async function refusal(tls: RabbitmqTlsOptions, url: string = server.tlsUrl): Promise<Error> {
    const secret = url.replace('guest:guest', `guest:${PASSWORD}`)
    const transport = rabbitmq({ url: secret, tls })
    const bus = createBus({ logger, drainOn: [], transport })
    const error: unknown = await bus.then(
      async (started) => started.drain(),
      (reason: unknown) => reason,
    )
    const told = [inspect(error, { depth: 10, showHidden: true }), ...logged].join('\n')
    for (const word of [PASSWORD, PASSPHRASE, 'PRIVATE KEY']) expect(told).not.toContain(word)
    return error as Error
  }

  test('messages flow where tls.ca vouches for the server, by address and by name', async () => {
    const ca = server.authority.certificate
    expect(await answered({ ca })).toBe(42)
    expect(await answered({ ca: [Buffer.from(ca)] }, server.tlsUrl.replace('127.0.0.1', 'localhost'))).toBe(42)
  })

  test('a server that nobody vouches for is refused, and the error names tls.ca', async () => {
    const error = await refusal({})
    expect(error).toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      cure: expect.stringContaining('tls.ca') as string,
      cause: { code: 'SELF_SIGNED_CERT_IN_CHAIN' },
    })
    expect(error.message).toContain(server.tlsUrl.replace('guest:guest@', ''))
  })

  test('a server with the certificate of another host is refused, and the error names tls.servername', async () => {
    const ca = server.authority.certificate
    expect(await refusal({ ca, servername: 'broker.example' })).toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      cure: expect.stringContaining('tls.servername') as string,
      message: expect.stringContaining('localhost') as string,
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    })
    expect(await answered({ ca, servername: 'localhost' })).toBe(42)
  })

  test('a port without TLS is told from a broker that is away', async () => {
    expect(await refusal({}, server.url.replace('amqp:', 'amqps:'))).toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      message: expect.stringContaining('does not answer in TLS') as string,
    })
  })

  test('a key that cannot be read is refused, and the error names tls.passphrase', async () => {
    const { certificate: cert, key } = client
    const ca = server.authority.certificate
    for (const tls of [
      { ca, cert, key, passphrase: 'not-the-word' },
      { ca, cert, key: stranger.key, passphrase: PASSPHRASE },
    ])
      expect(await refusal(tls)).toMatchObject({
        code: 'WAYBILL_NOT_CONNECTED',
        cure: expect.stringContaining('tls.passphrase') as string,
      })
  })

  test('a client certificate is presented to a server that requires one', { timeout: 150_000 }, async () => {
    server.certifiedClientsOnly()
    await server.shutDown()
    await server.restart()
    const ca = server.authority.certificate
    const folderOfClient = dirname(client.certificateFile)
    expect(await answeredOver(overTls([server.tlsUrl], folderOfClient, PASSPHRASE))).toBe(42)
    const uncertified = [{ ca }, { ca, cert: stranger.certificate, key: stranger.key, passphrase: PASSPHRASE }]
    for (const tls of uncertified)
      expect(await refusal(tls)).toMatchObject({
        code: 'WAYBILL_ACCESS_REFUSED',
        scope: 'configuration',
        cure: expect.stringContaining('tls.cert') as string,
      })
  })
})
