import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CertificateAuthority, type Issued } from '../../testing/servers/certificate-authority.ts'
import { FRAME } from './differential/hearing.test-support.ts'
import { WireClient } from './differential/wire-client.test-support.ts'
import { ServedBroker } from './served-broker.test-support.ts'

let served: ServedBroker | undefined

afterEach(async () => {
  await served?.stop()
  served = undefined
})

describe('close()', () => {
  test('tells clients with 320, waits for them, and lets nobody in any more', async () => {
    served = await ServedBroker.start()
    const { server } = served
    const clients = [await served.open(), await served.open()]
    const port = server.port
    await server.close(60_000, 'maintenance')
    for (const client of clients) {
      const { name, fields } = await client.hear(0)
      expect([name, fields['reply-code'], fields['reply-text']]).toEqual([
        'connection.close',
        320,
        'CONNECTION_FORCED - maintenance',
      ])
    }
    await expect(WireClient.connect({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('no longer waits after its deadline', async () => {
    served = await ServedBroker.start()
    const client = await served.open()
    client.socket.pause()
    const closed = served.server.close(1_000, 'maintenance')
    await served.runtime.advance(999)
    expect(served.server.connections).toBe(1)
    await served.runtime.advance(1)
    await closed
    expect(served.server.connections).toBe(0)
  })

  test('ends who has not even begun', async () => {
    served = await ServedBroker.start()
    const client = await served.connect()
    await served.connections(1)
    await served.server.close(60_000, 'maintenance')
    expect(await client.hear(0)).toMatchObject({ name: 'end' })
  })
})

test('an error of our own is reported, costs its client alone, and others go on', async () => {
  const troubles: unknown[] = []
  served = await ServedBroker.start({ trouble: (error) => troubles.push(error) })
  const [client, other] = [await served.open(), await served.open()]
  const defect = new TypeError('a defect')
  served.broker.root.findQueue = () => {
    throw defect
  }
  expect(await client.call(1, 'queue.declare', { queue: 'q' })).toMatchObject({
    name: 'connection.close',
    fields: { 'reply-code': 541, 'reply-text': 'INTERNAL_ERROR - an error in the broker' },
  })
  expect((await other.call(1, 'access.request')).name).toBe('access.request-ok')
  expect(troubles).toEqual([defect])
})

test('a store that fails ends all connections, and lets nobody do anything', async () => {
  served = await ServedBroker.start()
  const client = await served.open()
  served.broker.fail(new Error('the disk is gone'))
  expect((await client.hear(0)).fields['reply-code']).toBe(320)
  const late = await served.connect()
  expect((await late.shakeHands()).fields['reply-code']).toBe(541)
})

test('connections are counted as they come and go', async () => {
  served = await ServedBroker.start()
  const counts: number[] = []
  const stop = served.server.onConnections((count) => counts.push(count))
  const client = await served.open()
  await client.close()
  await served.connections(0)
  stop()
  await (await served.open()).close()
  expect(counts).toEqual([1, 0])
})

describe('over TLS', () => {
  let folder: string
  let authority: CertificateAuthority
  let server: Issued
  let client: Issued

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-serve-'))
    authority = await CertificateAuthority.create(folder, 'authority')
    server = await authority.forServer('server', ['IP:127.0.0.1'])
    client = await authority.forClient('client', 'p')
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function enter(options: ConnectionOptions = {}): Promise<WireClient> {
    const port = served?.server.port ?? 0
    const socket = connectTls({ host: '127.0.0.1', port, ca: authority.certificate, ...options })
    const wire = WireClient.on(socket)
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    await wire.shakeHands({ heartbeat: 10 })
    await wire.call(1, 'channel.open')
    return wire
  }

  const tls = (): { cert: string; key: string } => ({ cert: server.certificate, key: server.key })

  test('clients come in, large bodies pass, heartbeats count', async () => {
    served = await ServedBroker.start({ tls: tls() })
    const wire = await enter()
    await wire.call(1, 'queue.declare', { queue: 'q' })
    await wire.call(1, 'basic.consume', { queue: 'q', 'no-ack': true })
    const body = Buffer.alloc(3_000_000, 'x')
    wire.publish(1, { routingKey: 'q', body })
    expect((await wire.hear(1)).content?.body.equals(body)).toBe(true)
    for (let n = 0; n < 10; n++) {
      wire.frame(FRAME.heartbeat, 0)
      await served.runtime.advance(8_000)
    }
    expect(wire.heartbeats).toBeGreaterThan(5)
    await served.runtime.advance(30_000)
    await wire.ended()
  })

  test('a client without a certificate is kept out where one is asked for, and comes in with it', async () => {
    served = await ServedBroker.start({ tls: { ...tls(), ca: authority.certificate } })
    await expect(enter().then((wire) => wire.hear(1))).resolves.toMatchObject({ name: 'end' })
    const wire = await enter({ cert: client.certificate, key: client.key, passphrase: 'p' })
    expect((await wire.call(1, 'access.request')).name).toBe('access.request-ok')
    await wire.close()
  })

  test('a client that does not come through the handshake holds up nobody', async () => {
    served = await ServedBroker.start({ tls: tls() })
    const silent = connect({ host: '127.0.0.1', port: served.server.port })
    const closed = new Promise<boolean>((resolve) => void silent.once('close', resolve))
    await new Promise((resolve) => void silent.once('connect', resolve))
    const wire = await enter()
    await wire.close()
    await served.server.close(0, 'maintenance')
    expect(await closed).toBe(false)
  })
})
