import { beforeEach, describe, expect, test, vi } from 'vitest'
import { seededRandom } from '../../runtime/seeded-random.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { Broker } from '../broker.ts'
import { queueDefinition } from '../broker.test-support.ts'
import type { Channel } from '../channel/channel.ts'
import type { Message } from '../message.ts'
import { openBrokerOn } from '../open-broker.ts'
import { SimulatedDisk } from '../store/simulated-files.ts'
import { Transaction, type Uncommitted } from './transaction.ts'
import { UncommittedBudget } from './uncommitted-budget.ts'

let disk: SimulatedDisk
let broker: Broker
let channel: Channel
let transaction: Transaction

beforeEach(async () => {
  disk = new SimulatedDisk({ random: seededRandom(1) })
  broker = await openBrokerOn({ files: disk.files(), runtime: systemRuntime() })
  const connection = broker.root.connect()
  await new Promise<unknown>((resolve) => broker.root.declareQueue(queueDefinition('q'), connection, resolve))
  channel = connection.openChannel()
  transaction = new Transaction(broker.root, channel, new UncommittedBudget())
})

const message = (routingKey: string, bytes = 1, exchange = ''): Message => ({
  exchange,
  routingKey,
  properties: Uint8Array.of(0x10, 0, 2),
  body: new Uint8Array(bytes),
  origin: undefined,
})

const publish = (...message_: Parameters<typeof message>): Uncommitted => ({
  message: message(...message_),
  options: { persistent: true },
  isMandatory: false,
})

const committed = (): Promise<boolean> =>
  new Promise((resolve) => transaction.commit({ published: () => {}, unroutable: () => {}, committed: resolve }))

describe('commit()', () => {
  test('puts all its publishes on the disk with one write, and is over when that is', async () => {
    for (let n = 0; n < 100; n++) transaction.publish(publish('q', 100))
    const before = disk.writes
    expect(broker.root.findQueue('q')?.ready).toBe(0)
    expect(await committed()).toBe(true)
    expect(disk.writes).toBe(before + 1)
    expect(broker.root.findQueue('q')?.ready).toBe(100)
    expect([transaction.published, await committed()]).toEqual([0, true])
  })

  test('publishes nothing when an exchange has gone since', () => {
    const connection = broker.root.connect()
    const exchange = { name: 'x', type: 'fanout', durable: true, autoDelete: false, internal: false } as const
    broker.root.declareExchange(exchange, connection)
    for (const each of [publish('q'), publish('', 1, 'x')]) transaction.publish(each)
    broker.root.deleteExchange('x', connection, false)
    const sink = { published: vi.fn<() => void>(), unroutable: () => {}, committed: vi.fn<() => void>() }
    expect(() => transaction.commit(sink)).toThrow(expect.objectContaining({ replyCode: 404 }) as Error)
    expect(sink.published).not.toHaveBeenCalled()
    expect(broker.root.findQueue('q')?.ready).toBe(0)
  })

  test('that fails on the disk is not whole', async () => {
    transaction.publish(publish('q'))
    disk.failWriteIn = 1
    expect(await committed()).toBe(false)
  })
})

test('what a connection has uncommitted is bounded, and a rollback makes room', () => {
  const megabyte = 1024 * 1024
  for (let n = 0; n < 31; n++) transaction.publish(publish('q', megabyte))
  const more = (): void => transaction.publish(publish('q', megabyte))
  expect(more).toThrow(expect.objectContaining({ replyCode: 406 }) as Error)
  transaction.rollback()
  expect(more).not.toThrow()
})
