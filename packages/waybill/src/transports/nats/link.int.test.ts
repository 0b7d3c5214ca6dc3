// How the transport reaches a server: TLS, credentials, several addresses, and one after the other.
import { expect, test } from 'vitest'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nkeys } from '@nats-io/transport-node'
import { severalServers } from '../../../../../docs/nats/several-servers.ts'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { freePort } from '../../testing/servers/free-port.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { Subscription } from '../../transport/transport.ts'
import { connected, runtime, send } from './nats.test-support.ts'

const orders = channel('events', 'orders')

describeOwnNats('nats() and its servers', () => {
  test('over TLS, where the authority is known', async () => {
    await using server = await NatsServer.start({ tls: true })
    await using service = await connected({ servers: server.url, tls: { ca: server.authority.certificate } })
    await send(service.transport, orders, ['m1'])
    expect(await service.transport.inspect()).toMatchObject({ connected: true })
  })

  test('as the documentation has it: over TLS, with an nkey, the first of two dead', async () => {
    const user = nkeys.createUser()
    const configuration = `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`
    await using server = await NatsServer.start({ tls: true, configuration })
    const folder = dirname(server.authority.certificateFile)
    await writeFile(join(folder, 'shop.nk'), user.getSeed())
    const transport = await severalServers([`tls://127.0.0.1:${await freePort()}`, server.url], folder)(runtime)
    const { version } = await transport.connect(AbortSignal.timeout(20_000))
    expect(version).toMatch(/^\d+\.\d+/)
    await send(transport, orders, ['m1'])
    await transport.close(0)
  })

  test('refuses a server whose authority is not known', async () => {
    await using server = await NatsServer.start({ tls: true })
    await expect(connected({ servers: server.url })).rejects.toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      message: expect.stringContaining('tls.ca') as string,
    })
  })

  test('with user and password, in the address or beside it; others are refused, and the password is not told', async () => {
    await using server = await NatsServer.start({ configuration: 'authorization { user: shop, password: "a b" }' })
    const at = `127.0.0.1:${server.port}`
    await using inside = await connected({ servers: `nats://shop:a%20b@${at}` })
    await send(inside.transport, orders, ['m1'])
    await using beside = await connected({ servers: `nats://${at}`, user: 'shop', password: 'a b' })
    await send(beside.transport, orders, ['m2'])
    const refused = connected({ servers: `nats://shop:wrong-word@${at}` })
    await expect(refused).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
    await expect(refused).rejects.not.toThrow(/wrong-word/)
  })

  test('with a token, in the address or beside it', async () => {
    await using server = await NatsServer.start({ configuration: 'authorization { token: "t0ken" }' })
    const at = `127.0.0.1:${server.port}`
    await using inside = await connected({ servers: `nats://t0ken@${at}` })
    await using beside = await connected({ servers: `nats://${at}`, token: 't0ken' })
    for (const { transport } of [inside, beside]) await send(transport, orders, ['m1'])
    await expect(connected({ servers: `nats://${at}` })).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
  })

  test('with an nkey', async () => {
    const user = nkeys.createUser()
    const configuration = `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`
    await using server = await NatsServer.start({ configuration })
    await using service = await connected({ servers: server.url, nkeySeed: user.getSeed() })
    await send(service.transport, orders, ['m1'])
    const other = connected({ servers: server.url, nkeySeed: nkeys.createUser().getSeed() })
    await expect(other).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
  })

  test('a server without JetStream is told so by what needs it', async () => {
    await using server = await NatsServer.start({ jetStream: false })
    await using service = await connected({ servers: server.url })
    const declaring = service.transport.declare({ channels: [orders], groups: [] })
    await expect(declaring).rejects.toMatchObject({ code: 'WAYBILL_UNSUPPORTED' })
  })

  test('of several servers, one that is dead is passed by, and the next one takes over when one dies', async () => {
    await using first = await NatsServer.start()
    await using second = await NatsServer.start()
    const servers = [await freePort(), first.port, second.port].map((port) => `nats://127.0.0.1:${port}`)
    await using service = await connected({ servers, pingInterval: '1s' })
    await send(service.transport, orders, ['to the first'])
    await first.kill()
    await expect.poll(() => service.events.map(({ type }) => type), { timeout: 10_000 }).toContain('connected')
    expect(service.events[0]).toMatchObject({ type: 'disconnected' })
    await send(service.transport, orders, ['to the second'])
  })

  test('with none there, the error tells the reason of each', async () => {
    const [one, other] = [await freePort(), await freePort()]
    const connecting = connected({ servers: `nats://127.0.0.1:${one},127.0.0.1:${other}` })
    await expect(connecting).rejects.toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      message: expect.stringMatching(new RegExp(`${one}.*${other}`)) as string,
    })
  })

  test('the permissions that the documentation names are enough', async () => {
    const publish = ['waybill.>', '$JS.API.>', '$JS.ACK.>', '$KV.waybill.>', '_INBOX.>']
    const permissions = JSON.stringify({ publish, subscribe: ['_INBOX.>', 'waybill.>'] })
    const configuration = `authorization { users: [ { user: shop, password: word, permissions: ${permissions} } ] }`
    await using server = await NatsServer.start({ configuration })
    await using service = await connected({ servers: `nats://shop:word@127.0.0.1:${server.port}` })
    const { transport, events } = service
    const came: string[] = []
    for (const each of [
      group(channel('events', 'one', 2), 'g', { ordered: true }),
      group(channel('events', 'two'), 'g'),
      group(channel('command', 'three'), 'g'),
      group(channel('query', 'four'), 'g'),
      group(channel('survey', 'five'), 'g'),
    ]) {
      const subscription: Subscription = await transport.subscribe(
        { group: each, transient: false, prefetch: 1 },
        (batch) => {
          came.push(each.channel.name)
          runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' as const }))))
        },
      )
      await send(transport, each.channel, ['m1'], 'a')
    }
    await expect.poll(() => came.toSorted()).toEqual(['five', 'four', 'one', 'three', 'two'])
    await expect
      .poll(async () => (await transport.inspect()).subscriptions.map(({ lag }) => lag))
      .toEqual(Array(5).fill(0))
    expect(events.filter(({ type }) => type !== 'shard-assigned')).toEqual([])
  })

  test('what it may not do is an error, not a silence', async () => {
    const configuration = `authorization { users: [ { user: shop, password: word, permissions: { publish: [">"], subscribe: ["_INBOX.>"] } } ] }`
    await using server = await NatsServer.start({ configuration })
    await using service = await connected({ servers: `nats://shop:word@127.0.0.1:${server.port}` })
    const prices = group(channel('query', 'price'), 'prices')
    const subscribing = service.transport.subscribe({ group: prices, transient: false, prefetch: 1 }, () => {})
    await expect(subscribing).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
    expect(service.events.map(({ type }) => type)).not.toContain('subscription-lost')
  })
})
