// A broker in a process of its own, that services start, find, lose and start again.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { connect } from 'amqplib'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { createBus } from '../../bus/create-bus.ts'
import type { Bus } from '../../bus/bus.ts'
import type { BusOptions } from '../../bus/settings/bus-options.ts'
import { DIAGNOSTIC_CHANNELS, type LinkChanged } from '../../bus/observation/diagnostics.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { service } from '../../bus/service/service.ts'
import { Broker } from '../../broker/broker.ts'
import { writeAnnouncement } from '../../broker/process/announcement-file.ts'
import { serveBroker } from '../../broker/server/serve-broker.ts'
import { flipABit } from '../../broker/store/flip-a-bit.test-support.ts'
import { command, contract, document, event, query, survey, type } from '../../contract/contract.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { embedded } from '../embedded/embedded.ts'
import type { BrokerAddress } from '../rabbitmq/broker-address.ts'
import { FolderBroker } from './folder-broker.ts'
import { sharedTransport } from './shared-transport.ts'
import { shared } from './shared.ts'
import { ended, isRunning, runService, TestFolder } from './shared.test-support.ts'

const work = contract('work', { job: document(type<{ n: number }>()) })

const all = contract(
  'all',
  { shards: 2 },
  {
    done: event(type<{ id: string }>(), { key: ({ id }) => id }),
    go: command(type<{ id: string }>()),
    ask: query(type<{ id: string }>(), type<{ n: number }>()),
    poll: survey(type<{ id: string }>(), type<{ n: number }>()),
  },
)
const nothing = (): void => {}
const everyKind = [
  service('every')
    .on(all.done, nothing, { ordered: true })
    .on(all.go, nothing)
    .on(work.job, nothing)
    .answer(all.ask, () => ({ n: 1 }))
    .answer(all.poll, () => ({ n: 1 }))
    .onReply(all.ask, nothing),
  service('other').on(all.done, nothing),
]

function open(dir: string, options: BusOptions = {}): Promise<Bus> {
  return createBus({ transport: embedded({ dir }), logger: silentLogger, drainOn: [], ...options })
}

function worker(seen: Set<number>): BusOptions {
  return { services: [service('worker').on(work.job, ({ n }) => void seen.add(n))] }
}

describe.concurrent('embedded({ dir })', () => {
  test('starts a broker, which a second service finds, and which ends when nobody has used it for a while', async () => {
    using folder = new TestFolder()
    const { dir } = folder
    const seen = new Set<number>()
    const transport = embedded({ dir, idleTimeout: '400ms' })
    const consuming = await open(dir, { transport, ...worker(seen) })
    const { pid, instance } = folder.announced
    expect(pid).not.toBe(process.pid)
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    const sending = await open(dir)
    for (let n = 0; n < 20; n++) await sending.send(work.job, { n })
    await vi.waitFor(() => expect(seen.size).toBe(20), { timeout: 5_000 })
    expect(folder.announced.instance).toBe(instance)
    await sending.drain()
    await consuming.drain()
    await ended(pid)
    expect(() => folder.announced).toThrow('absent')
    expect(folder.log).toMatch(new RegExp(`begin ${instance} .*\n.* end ${instance}: idle`))
  })

  test('a broker that is killed is started again by those who miss it; what was confirmed is there', async () => {
    using folder = new TestFolder()
    const { dir } = folder
    await using sending = await open(dir, { declare: [work.job] })
    for (let n = 0; n < 100; n++) await sending.send(work.job, { n })
    const seen = new Set<number>()
    await using consuming = await open(dir, worker(seen))
    const before = folder.announced.instance
    folder.kill()
    // A send waits for the link, and is confirmed by the next broker.
    for (let n = 100; n < 200; n++) await sending.send(work.job, { n })
    await vi.waitFor(() => expect(seen.size).toBe(200), { timeout: 10_000 })
    expect(folder.announced.instance).not.toBe(before)
    expect(folder.lives).toHaveLength(2)
    expect(consuming.subscriptions[0]?.state).toBe('consuming')
  })

  test('of many services that start at the same instant, one starts the one broker', { timeout: 60_000 }, async () => {
    using folder = new TestFolder()
    const runs = await Promise.all(Array.from({ length: 8 }, () => runService(folder.dir)))
    expect(folder.lives).toHaveLength(1)
    for (const run of runs) expect(run).toEqual({ code: 0, output: `${folder.lives[0]}\n` })
  })

  test('SIGTERM ends the broker in good order, and services take up the link with the next one', async () => {
    using folder = new TestFolder()
    await using bus = await open(folder.dir, { declare: [work.job] })
    const { pid, instance } = folder.announced
    process.kill(pid, 'SIGTERM')
    await ended(pid)
    await bus.send(work.job, { n: 1 })
    expect(folder.log).toContain(`end ${instance}: asked`)
    expect(folder.announced.instance).not.toBe(instance)
  })

  test('nobody comes in without the secret', async () => {
    using folder = new TestFolder()
    await using bus = await open(folder.dir)
    const { host, port, user, secret } = folder.announced
    const address = { hostname: host, port, vhost: '%2f' }
    for (const [username, password] of [
      ['guest', 'guest'],
      [user, ''],
      [user, `${secret}x`],
      [user, secret.slice(0, -1)],
    ] as const)
      await expect(connect({ ...address, username, password })).rejects.toThrow('403')
    const client = await connect({ ...address, username: user, password: secret })
    await client.close()
    expect(await bus.health()).toMatchObject({ healthy: true })
  })

  test('a stopped broker is reported, never doubled, and goes on', { timeout: 60_000 }, async () => {
    using folder = new TestFolder()
    const { dir } = folder
    const transport = shared({ dir, heartbeatSeconds: 1 })
    const reported: unknown[] = []
    const observe = (message: unknown): void => {
      const { transport: name, event: change } = message as LinkChanged // of this channel
      if (name === 'stopped' && change.type === 'trouble') reported.push(change.error)
    }
    subscribe(DIAGNOSTIC_CHANNELS.transport, observe)
    const named: typeof transport = async (runtime) => Object.assign(await transport(runtime), { name: 'stopped' })
    await using bus = await open(dir, { transport: named, declare: [work.job], sendTimeout: '60s' })
    const { pid, instance } = folder.announced
    process.kill(pid, 'SIGSTOP')
    try {
      const sending = bus.send(work.job, { n: 1 })
      await vi.waitFor(() => expect(reported.length).toBeGreaterThan(0), { timeout: 30_000 })
      expect(reported[0]).toMatchObject({
        code: 'WAYBILL_BROKER_UNREACHABLE',
        message: expect.stringContaining(`process ${pid}`) as string,
      })
      expect(folder.lives).toEqual([instance])
      process.kill(pid, 'SIGCONT')
      await sending
      expect(folder.lives).toEqual([instance])
    } finally {
      process.kill(pid, 'SIGCONT')
      unsubscribe(DIAGNOSTIC_CHANNELS.transport, observe)
    }
  })
})

test('connect() looks again when the broker has gone since it answered', async () => {
  using folder = new TestFolder()
  const runtime = systemRuntime()
  const broker = new FolderBroker(folder.dir, 5_000, runtime)
  let asked = 0
  const addresses = async (signal: AbortSignal): Promise<readonly BrokerAddress[]> => {
    const [found] = await broker.addresses(signal)
    if (++asked === 1) return [{ ...found, port: 1 }]
    return asked === 2 ? [{ ...found, password: 'of the broker before' }] : [found]
  }
  const transport = sharedTransport(addresses, 5, runtime)
  await transport.connect(AbortSignal.timeout(20_000))
  expect(asked).toBe(3)
  await transport.close(0)
})

describe.concurrent('embedded({ dir }) where something else is announced', () => {
  const servers: Server[] = []
  afterAll(() => servers.forEach((server) => server.close()))

  async function listener(greeting: string): Promise<number> {
    const server = createServer((socket) => void socket.on('error', () => {}).end(greeting))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port // TCP
  }

  const foreign = {
    'a port where nobody listens': () => Promise.resolve(1),
    'a web server': () => listener('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'another AMQP broker': () => listener('AMQP\0\0\u0009\u0001'),
    'a Waybill broker with another secret': async () => {
      const runtime = systemRuntime()
      const broker = await Broker.open({ runtime })
      const options = { broker, runtime, host: '127.0.0.1', port: 0, version: '0.1.0', authenticate: () => undefined }
      return (await serveBroker(options)).port
    },
  }

  test.each(Object.entries(foreign))('%s: a broker is started', async (_, portOf) => {
    using folder = new TestFolder()
    mkdirSync(folder.dir)
    // The pid is of a process that lives.
    const stale = { protocol: 1, version: '0.1.0', instance: systemRuntime().newId(), pid: process.pid } as const
    const secret = 'x'.repeat(43)
    writeAnnouncement(folder.dir, { ...stale, host: '127.0.0.1', port: await portOf(), user: 'waybill', secret })
    await using bus = await open(folder.dir, { declare: [work.job] })
    await bus.send(work.job, { n: 1 })
    expect(folder.announced.instance).not.toBe(stale.instance)
    expect(folder.lives).toEqual([folder.announced.instance])
  })

  test('a folder that a bus holds in its process is a clear error, both ways', async () => {
    using folder = new TestFolder()
    const { dir } = folder
    {
      await using holder = await open(dir, { transport: embedded({ dir, inProcess: true }), declare: [work.job] })
      await holder.send(work.job, { n: 1 })
      await expect(open(dir)).rejects.toMatchObject({
        code: 'WAYBILL_BROKER_UNREACHABLE',
        message: expect.stringContaining('inProcess') as string,
      })
    }
    const seen = new Set<number>()
    await using sharing = await open(dir, worker(seen))
    await vi.waitFor(() => expect(seen.size).toBe(1), { timeout: 5_000 })
    await expect(open(dir, { transport: embedded({ dir, inProcess: true }) })).rejects.toMatchObject({
      code: 'WAYBILL_STORE_IN_USE',
    })
    expect(sharing.subscriptions[0]?.state).toBe('consuming')
  })

  test('a folder is used either way, whichever was first: both declare the same', async () => {
    for (const ways of [
      [true, false],
      [false, true],
    ]) {
      using folder = new TestFolder()
      const { dir } = folder
      for (const inProcess of ways) {
        const transport = inProcess ? embedded({ dir, inProcess }) : embedded({ dir, idleTimeout: '200ms' })
        const bus = await open(dir, { transport, services: everyKind })
        expect(bus.subscriptions.map(({ state }) => state)).toEqual(Array(7).fill('consuming'))
        const pid = inProcess ? undefined : folder.announced.pid
        await bus.drain()
        if (pid !== undefined) await ended(pid)
      }
    }
  })

  test('a broker with another protocol is a clear error that names both versions', async () => {
    using folder = new TestFolder()
    const { dir } = folder
    await using holder = await open(dir, { transport: embedded({ dir, inProcess: true }) })
    writeFileSync(join(dir, 'broker.json'), JSON.stringify({ protocol: 2, version: '3.1.0', pid: process.pid }))
    await expect(open(dir)).rejects.toMatchObject({
      code: 'WAYBILL_BROKER_VERSION',
      message: expect.stringMatching(/3\.1\.0 with protocol 2.*0\.1\.0 with protocol 1/) as string,
    })
    expect(holder.facts.engine).toBe('embedded')
  })

  test('a broker of another version with the same protocol is used', async () => {
    using folder = new TestFolder()
    await using first = await open(folder.dir, { declare: [work.job] })
    const { announced } = folder
    writeAnnouncement(folder.dir, { ...announced, version: '9.9.9-next' })
    await using second = await open(folder.dir, { declare: [work.job] })
    await second.send(work.job, { n: 1 })
    expect(folder.lives).toEqual([announced.instance])
    expect(await first.health()).toMatchObject({ healthy: true })
  })
})

describe.concurrent('embedded({ dir }) on a folder that cannot be opened', () => {
  test('the error of a damaged store reaches the service as it is', async () => {
    using folder = new TestFolder()
    const { dir } = folder
    {
      await using bus = await open(dir, { transport: embedded({ dir, inProcess: true }), declare: [work.job] })
      for (let n = 0; n < 40; n++) await bus.send(work.job, { n })
    }
    flipABit(dir)
    const direct: unknown = await open(dir, { transport: embedded({ dir, inProcess: true }) }).catch(
      (error: unknown) => error,
    )
    const handedOver: unknown = await open(dir).catch((error: unknown) => error)
    expect(direct).toMatchObject({ code: 'WAYBILL_STORE_DAMAGED' })
    expect(handedOver).toMatchObject({ code: 'WAYBILL_STORE_DAMAGED', message: (direct as Error).message })
  })

  test('a folder that cannot be made', async () => {
    using folder = new TestFolder()
    writeFileSync(join(dirname(folder.dir), 'file'), '')
    const dir = join(dirname(folder.dir), 'file', 'data')
    await expect(open(dir)).rejects.toMatchObject({ code: 'WAYBILL_STORE_UNWRITABLE' })
  })

  test.runIf(process.platform === 'linux')('a folder that cannot be written', async () => {
    await expect(open('/proc/self')).rejects.toMatchObject({ code: 'WAYBILL_STORE_UNWRITABLE' })
  })

  test('a broker whose folder is removed ends', async () => {
    using folder = new TestFolder()
    const bus = await open(folder.dir)
    const { pid } = folder.announced
    await bus.drain()
    expect(isRunning(pid)).toBe(true)
    rmSync(folder.dir, { recursive: true })
    await ended(pid)
  })
})
