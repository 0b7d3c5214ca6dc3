// How the transport reaches a server: TLS, users, several addresses, one after the other, and what becomes of sends meanwhile.
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { severalAddresses } from '../../../../../docs/redis/several-addresses.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { freePort } from '../../testing/servers/free-port.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import { redis } from './redis.ts'
import { asked, connected, runtime, saying, send, text } from './redis.test-support.ts'

const orders = channel('events', 'orders')
/** As docs/redis.md names them. */
const USER =
  'shop on >word resetkeys ~waybill:* -@all +@read +@write +@scripting +@connection +info +time +config|get +client|unblock'

describeOwnRedis('redis() and its servers', () => {
  test('as the documentation has it: over TLS, with a user of few rights, the first of two dead', async () => {
    await using server = await RedisServer.start({
      tls: true,
      settings: {
        user: USER.split(' '),
      },
    })
    const folder = dirname(server.authority.certificateFile)
    await writeFile(join(folder, 'shop.password'), 'word\n')
    const transport = await severalAddresses([`rediss://127.0.0.1:${await freePort()}`, server.url], folder)(runtime)
    const { version } = await transport.connect(AbortSignal.timeout(20_000))
    expect(version).toMatch(/^\d+\.\d+/)
    const came: string[] = []
    const subscription = await transport.subscribe(
      { group: group(orders, 'g'), transient: false, prefetch: 5 },
      (batch) => {
        came.push(...batch.map(text))
        subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
      },
    )
    await send(transport, orders, ['m1'])
    await expect.poll(() => came).toEqual(['m1'])
    await transport.close(1_000)
  })

  test('refuses a server whose authority is not known', async () => {
    await using server = await RedisServer.start({ tls: true })
    await expect(connected({ url: server.url })).rejects.toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      cure: expect.stringContaining('tls.ca') as string,
    })
  })

  test('a password, in the address or beside it; another is refused, and is not told', async () => {
    await using server = await RedisServer.start({ settings: { requirepass: 'a b' } })
    const at = `127.0.0.1:${server.port}`
    await using inside = await connected({ url: `redis://:a%20b@${at}` })
    await send(inside.transport, orders, ['m1'])
    await using beside = await connected({ url: `redis://${at}`, password: 'a b' })
    await send(beside.transport, orders, ['m2'])
    const refused = connected({ url: `redis://:wrong-word@${at}` })
    await expect(refused).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
    await expect(refused).rejects.not.toThrow(/wrong-word/)
    await expect(connected({ url: `redis://${at}` })).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
  })

  test('a replica is passed by; when it becomes the master, and the old one a replica, the link follows', async () => {
    await using one = await RedisServer.start()
    await using other = await RedisServer.start({ settings: { replicaof: `127.0.0.1 ${one.port}` } })
    await using service = await connected({ url: [other.url, one.url], pingInterval: '200ms' })
    await send(service.transport, orders, ['to the first'])
    await asked(other.url, 'REPLICAOF', 'NO', 'ONE')
    await asked(one.url, 'REPLICAOF', '127.0.0.1', String(other.port))
    const outcome = async (): Promise<string | undefined> =>
      (await service.transport.send([{ message: saying('to the second'), to: orders }]))[0]?.outcome
    await expect.poll(outcome, { timeout: 10_000 }).toBe('accepted')
    expect(await asked(other.url, 'XLEN', 'waybill:{orders}:0')).toBeGreaterThan(0)
  })

  test('with none there, the error tells the reason of each', async () => {
    const [one, other] = [await freePort(), await freePort()]
    await expect(connected({ url: `redis://127.0.0.1:${one},127.0.0.1:${other}` })).rejects.toMatchObject({
      code: 'WAYBILL_NOT_CONNECTED',
      message: expect.stringMatching(new RegExp(`${one}.*${other}`)) as string,
    })
  })

  test('a transport that is closed, or whose connect() is aborted, while it connects leaves no connection behind', async () => {
    await using server = await RedisServer.start()
    const closing = await redis({ url: server.url })(runtime)
    const refused = expect(closing.connect(AbortSignal.timeout(20_000))).rejects.toThrow('WAYBILL_CLOSED')
    await new Promise<void>((resolve) => runtime.defer(resolve))
    await closing.close(0)
    await refused
    const aborted = await redis({ url: server.url })(runtime)
    const abort = new AbortController()
    const given = expect(aborted.connect(abort.signal)).rejects.toThrow('WAYBILL_ABORTED')
    await new Promise<void>((resolve) => runtime.defer(resolve))
    abort.abort()
    await given
    const there = async (): Promise<string> => String(await asked(server.url, 'CLIENT', 'LIST'))
    // Of those that are there, one is who asks.
    await expect.poll(async () => (await there()).trim().split('\n').length).toBe(1)
  })

  test('what was on its way when the link was lost is unknown, and is not sent again', async () => {
    await using server = await RedisServer.start()
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    await using service = await connected({ url: `redis://127.0.0.1:${proxy.port}`, pingInterval: '200ms' })
    await send(service.transport, orders, ['before'])
    // The server hears it, and its answer does not come back.
    proxy.halfOpen('target')
    const [result] = await service.transport.send([{ message: saying('on its way'), to: orders }])
    expect(result).toMatchObject({ outcome: 'unknown', error: { code: 'WAYBILL_OUTCOME_UNKNOWN' } })
    await proxy.restore()
    await expect.poll(() => service.events.map(({ type }) => type), { timeout: 10_000 }).toContain('connected')
    await send(service.transport, orders, ['after'])
    expect(Number(await asked(server.url, 'XLEN', 'waybill:{orders}:0'))).toBeLessThanOrEqual(3)
    await proxy.close()
  })

  test('a server that has lost the scripts is given them again', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    await send(service.transport, orders, ['before'])
    await asked(server.url, 'SCRIPT', 'FLUSH')
    const [lost] = await service.transport.send([{ message: saying('not stored'), to: orders }])
    expect(lost).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_NOT_CONNECTED' } })
    await expect.poll(() => service.events.map(({ type }) => type), { timeout: 10_000 }).toContain('connected')
    await send(service.transport, orders, ['after'])
  })

  test('when the connection that waits for news is lost alone, both are replaced', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const came: string[] = []
    await service.transport.subscribe({ group: group(orders, 'g'), transient: false, prefetch: 5 }, (batch) => {
      came.push(...batch.map(text))
    })
    const waiting = async (): Promise<string | undefined> =>
      /id=(\d+) (?=[^\n]* cmd=xread )/.exec(String(await asked(server.url, 'CLIENT', 'LIST')))?.[1]
    await expect.poll(waiting).toBeDefined()
    await asked(server.url, 'CLIENT', 'KILL', 'ID', (await waiting()) ?? '')
    await expect.poll(() => service.events.map(({ type }) => type), { timeout: 10_000 }).toContain('connected')
    await send(service.transport, orders, ['m1'])
    await expect.poll(() => came, { timeout: 10_000 }).toEqual(['m1'])
  })
})
