import { beforeEach, describe, expect, test, vi } from 'vitest'
import { seededRandom } from '../runtime/seeded-random.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Broker, BrokerEvent } from './broker.ts'
import { Publisher, Subscriber, queueDefinition } from './broker.test-support.ts'
import { openBrokerOn } from './open-broker.ts'
import { SimulatedDisk } from './store/simulated-files.ts'

const SMALL = { segmentBytes: 64 * 1024, firstSegmentBytes: 64 * 1024, blockBytes: 16 * 1024, cacheBytes: 32 * 1024 }

let disk: SimulatedDisk
let broker: Broker
let events: BrokerEvent[]

async function open(reserveBytes = 0): Promise<void> {
  broker = await openBrokerOn({ files: disk.files(), runtime: systemRuntime(), ...SMALL, reserveBytes })
  events = []
  broker.onEvent((event) => events.push(event))
}

const declared = (name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    broker.root.declareQueue(queueDefinition(name), broker.root.connect(), (error) =>
      error === undefined ? resolve() : reject(error),
    )
  })

beforeEach(() => {
  disk = new SimulatedDisk({ random: seededRandom(1) })
})

describe('when a write fails', () => {
  test('pending and later publishes are refused, everybody is told, and what was confirmed is there', async () => {
    await open()
    await declared('q')
    const publisher = new Publisher(broker.root)
    expect(await publisher.send('q', 'confirmed')).toBe('accepted')
    disk.failWriteIn = 1
    const pending = ['a', 'b'].map((text) => publisher.send('q', text))
    for (const each of pending) await expect(each).rejects.toMatchObject({ code: 'WAYBILL_STORE_FAILED' })
    expect(events.map(({ type }) => type)).toEqual(['failed'])
    await expect(publisher.send('q', 'later')).rejects.toMatchObject({ code: 'WAYBILL_STORE_FAILED' })
    expect(() => broker.root.connect()).toThrow(expect.objectContaining({ code: 'WAYBILL_STORE_FAILED' }) as Error)
    disk.crash()
    await open()
    const subscriber = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(subscriber.texts[0]).toBe('confirmed'))
    await broker.close()
  })

  test('nothing is handed out any more', async () => {
    await open()
    await declared('q')
    const publisher = new Publisher(broker.root)
    await publisher.send('q', '1')
    const subscriber = new Subscriber(broker.root, 'q', { prefetch: 1 })
    await vi.waitFor(() => expect(subscriber.texts).toEqual(['1']))
    disk.failWriteIn = 1
    await expect(publisher.send('q', '2')).rejects.toMatchObject({ code: 'WAYBILL_STORE_FAILED' })
    subscriber.ack('1')
    await new Promise((resolve) => void setImmediate(resolve))
    expect(subscriber.texts).toEqual(['1'])
  })
})

test('publishers are held back while the disk is nearly full, and consumers make room', async () => {
  disk.capacityBytes = 12 * SMALL.segmentBytes
  await open(6 * SMALL.segmentBytes)
  await declared('q')
  const publisher = new Publisher(broker.root)
  let sent = 0
  while (broker.blocked === undefined && sent < 1_000) {
    await publisher.send('q', 'x'.repeat(2_000))
    sent++
  }
  expect(broker.blocked?.reason).toMatch(/disk/)
  expect(events).toMatchObject([{ type: 'blocked' }])
  const subscriber = new Subscriber(broker.root, 'q', { ackAll: true })
  await vi.waitFor(() => expect(subscriber.texts.length).toBe(sent), 5_000)
  await vi.waitFor(() => expect(events.map(({ type }) => type)).toEqual(['blocked', 'unblocked']), 10_000)
  expect(await publisher.send('q', 'again')).toBe('accepted')
  await broker.close()
})
