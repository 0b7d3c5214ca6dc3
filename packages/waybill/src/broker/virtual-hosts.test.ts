import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { seededRandom } from '../runtime/seeded-random.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Broker, BrokerEvent } from './broker.ts'
import { Publisher, Subscriber, exchangeDefinition, queueDefinition } from './broker.test-support.ts'
import { openBroker, openBrokerOn } from './open-broker.ts'
import { SMALL } from './store/log.test-support.ts'
import { SimulatedDisk } from './store/simulated-files.ts'
import { readHosts } from './stored-hosts.ts'
import type { VirtualHost } from './virtual-host.ts'

let dir: string
let broker: Broker

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-hosts-'))
  broker = await openBroker({ dir, runtime: systemRuntime() })
})

afterEach(async () => {
  await broker.close()
  await rm(dir, { recursive: true })
})

async function restart(): Promise<void> {
  await broker.close()
  broker = await openBroker({ dir, runtime: systemRuntime() })
}

const wait = (act: (done: (error: Error | undefined) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    act((error) => (error === undefined ? resolve() : reject(error)))
  })

const made = async (name: string): Promise<VirtualHost> => {
  await wait((done) => void broker.virtualHosts.create(name, { description: `of ${name}` }, done))
  return found(name)
}

function found(name: string): VirtualHost {
  const host = broker.virtualHosts.get(name)
  if (host === undefined) throw new Error(`there is no vhost '${name}'`)
  return host
}

const declared = (host: VirtualHost, name: string): Promise<void> =>
  wait((done) => void host.declareQueue(queueDefinition(name), host.connect(), done))

const names = (): string[] => [...broker.virtualHosts.all()].map(({ name }) => name)

describe('a virtual host', () => {
  test('has exchanges, queues, bindings and messages of its own, before and after a restart', async () => {
    const hosts = [broker.root, await made('a'), await made('')]
    for (const [n, host] of hosts.entries()) {
      await declared(host, 'q')
      host.declareExchange(exchangeDefinition('x', { type: n === 0 ? 'topic' : 'fanout' }), host.connect())
      host.bind(host.connect(), 'q', 'x', 'k')
      expect(await new Publisher(host, 'x').send('k', `for ${host.name}`)).toBe('accepted')
      expect(await new Publisher(host, 'amq.topic').send('k', 'm')).toBe('unroutable')
    }
    await restart()
    expect(names()).toEqual(['/', 'a', ''])
    expect(found('a').settings).toEqual({ description: 'of a' })
    for (const name of ['/', 'a', '']) {
      const host = found(name)
      expect(host.exchangeDefinition('x')?.type).toBe(name === '/' ? 'topic' : 'fanout')
      const { texts } = new Subscriber(host, 'q', { ackAll: true })
      await new Publisher(host, 'x').send('k', 'again')
      await vi.waitFor(() => expect(texts).toEqual([`for ${name}`, 'again']))
    }
  })

  test('is named by its errors', async () => {
    const host = await made('a')
    await declared(host, 'q')
    const connection = host.connect()
    host.declareExchange(exchangeDefinition('x'), host.connect())
    const refused: readonly (() => unknown)[] = [
      () => connection.queue('none'),
      () => host.requireExchange('none'),
      () => host.declareExchange(exchangeDefinition('x', { type: 'direct' }), host.connect()),
      () => host.declareQueue(queueDefinition('q', { durable: false }), connection),
      () => host.deleteExchange('amq.topic', host.connect(), false),
      () => host.publish({ ...MESSAGE, exchange: 'amq.rabbitmq.trace' }, { persistent: false }, SINK, 0),
    ]
    for (const act of refused) expect(act).toThrow(/in vhost 'a'/)
  })

  test('keeps delayed messages to itself', async () => {
    const host = await made('a')
    for (const each of [broker.root, host]) await declared(each, 'q')
    await new Publisher(host).send('q', 'later', { delayMs: 50 })
    await restart()
    const [outside, inside] = [new Subscriber(broker.root, 'q'), new Subscriber(found('a'), 'q')]
    await vi.waitFor(() => expect(inside.texts).toEqual(['later']))
    expect(outside.texts).toEqual([])
  })
})

describe('delete()', () => {
  test('takes everything in it along, tells everybody, and stays so', async () => {
    const host = await made('a')
    await declared(broker.root, 'q')
    await declared(host, 'q')
    await declared(host, 'p')
    host.declareExchange(exchangeDefinition('x'), host.connect())
    host.bind(host.connect(), 'q', 'x', 'k')
    host.bindExchange(host.connect(), 'amq.topic', 'amq.direct', 'k')
    await new Publisher(host, 'x').send('k', 'm')
    await new Publisher(host).send('p', 'm', { delayMs: 60_000 })
    const subscriber = new Subscriber(host, 'q')
    const events: BrokerEvent[] = []
    broker.onEvent((event) => events.push(event))
    await wait((done) => expect(broker.virtualHosts.delete('a', done)).toBe(true))
    expect(events).toEqual([{ type: 'virtual-host-deleted', virtualHost: host }])
    expect(names()).toEqual(['/'])
    await expect(new Publisher(host).send('q', 'm')).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
    expect(() => host.connect()).toThrow(/vhost 'a' is deleted/)
    expect(subscriber.channel.get.bind(subscriber.channel, 'q', true)).toThrow(/no queue/)
    await restart()
    expect(names()).toEqual(['/'])
    // What it had is in no other one, and its number is not its successor's content.
    const again = await made('a')
    expect([again.queues.size, again.exchanges.size, broker.root.queues.size]).toEqual([0, 6, 1])
    expect(again.exchanges.get('amq.direct')?.isBound).toBe(false)
  })

  test('that a crash has cut short is none, or can be done again', async () => {
    for (const writes of [0, 1, 2, 3]) {
      const disk = new SimulatedDisk({ random: seededRandom(writes) })
      const open = (): Promise<Broker> => openBrokerOn({ files: disk.files(), runtime: systemRuntime(), ...SMALL })
      const before = await open()
      const host = before.virtualHosts.create('a')
      for (let n = 0; n < 300; n++) host.declareQueue(queueDefinition(`q${n}`), host.connect())
      await wait((done) => void before.virtualHosts.create('b', {}, done))
      // Each write is a part of it.
      const end = disk.writes + writes
      before.virtualHosts.delete('a')
      await vi.waitFor(() => expect(disk.writes).toBeGreaterThanOrEqual(end))
      disk.crash()
      const after = await open()
      after.virtualHosts.delete('a')
      await wait((done) => void after.virtualHosts.create('c', {}, done))
      disk.crash()
      const last = await open()
      expect([...last.virtualHosts.all()].map(({ name, queues }) => [name, queues.size])).toEqual([
        ['/', 0],
        ['b', 0],
        ['c', 0],
      ])
      await last.close()
    }
  })

  test("of none is no error; '/' stays", () => {
    expect(broker.virtualHosts.delete('none')).toBe(false)
    expect(() => broker.virtualHosts.delete('/')).toThrow(expect.objectContaining({ code: 'WAYBILL_REFUSED' }) as Error)
  })
})

test('create() bounds names and numbers', () => {
  const limit = expect.objectContaining({ code: 'WAYBILL_LIMIT' }) as Error
  expect(() => broker.virtualHosts.create('x'.repeat(256))).toThrow(limit)
  for (let n = 1; n < 1_024; n++) broker.virtualHosts.create(`v${n}`)
  expect(() => broker.virtualHosts.create('one more')).toThrow(limit)
  expect(broker.virtualHosts.create('v1').name).toBe('v1')
})

test("readHosts() takes keys without a number for '/', as folders from before have them", () => {
  const queue = (id: number): string => JSON.stringify({ id, definition: queueDefinition('q') })
  const hosts = readHosts(
    new Map([
      ['queue q', queue(1)],
      ['vhost 7 days', JSON.stringify({ name: '7 days', number: 2, settings: {} })],
      ['2 queue q', queue(3)],
      ['last-suspect', '4'],
    ]),
  )
  expect(hosts.map(({ name, number, queues }) => [name, number, queues.map(({ id }) => id)])).toEqual([
    ['/', 0, [1]],
    ['7 days', 2, [3]],
  ])
})

const MESSAGE = {
  exchange: '',
  routingKey: '',
  properties: Uint8Array.of(0, 0),
  body: Uint8Array.of(),
  origin: undefined,
}
const SINK = { confirmed: (): void => {} }
