import { afterEach, beforeEach, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, queueDefinition } from '../broker.test-support.ts'
import { heldMessages, newDisk, openSmall, published } from '../store/log.test-support.ts'
import type { SimulatedDisk } from '../store/simulated-files.ts'
import { emptyInParts } from './empty-in-parts.ts'

const MANY = 20_000

let runtime: VirtualRuntime
let disk: SimulatedDisk
let broker: Broker

beforeEach(async () => {
  runtime = virtualRuntime()
  disk = newDisk()
  broker = await Broker.open({ runtime, recovered: await openSmall(disk) })
})
afterEach(async () => {
  await broker.close()
})

function declare(name: string, durable = true): void {
  broker.root.declareQueue(queueDefinition(name, { durable }), broker.root.connect())
}

async function fill(queue: string, messages: number): Promise<void> {
  const publisher = new Publisher(broker.root)
  await Promise.all(Array.from({ length: messages }, () => publisher.send(queue, '', { persistent: false })))
}

test('emptyInParts() lets others have their turns, and ends at once where there is little', async () => {
  const told: string[] = []
  const empty = (messages: number): void => {
    let left = messages
    emptyInParts(runtime, {
      forgetNext: () => left-- > 0,
      write: () => told.push('part'),
      done: (count) => told.push(`${count}`),
    })
  }
  empty(3)
  expect(told).toEqual(['part', '3'])
  told.length = 0
  empty(MANY)
  runtime.defer(() => told.push('somebody else'))
  await runtime.settle()
  expect(told).toEqual(['part', 'part', 'somebody else', 'part', `${MANY}`])
})

test('purge() of a queue of very many spares those that come later', async () => {
  declare('q', false)
  await fill('q', MANY)
  const queue = broker.root.findQueue('q')
  let purged: number | undefined
  queue?.purge((count) => (purged = count))
  await fill('q', 5)
  expect(purged).toBeUndefined()
  await runtime.settle()
  expect([purged, queue?.ready]).toEqual([MANY, 5])
})

test('a queue of very many is deleted at once, and its messages soon', async () => {
  declare('q', false)
  await fill('q', MANY)
  const connection = broker.root.connect()
  expect(broker.root.deleteQueue('q', connection)).toBe(MANY)
  declare('q', false)
  await fill('q', 2)
  await runtime.settle()
  expect(broker.root.findQueue('q')?.ready).toBe(2)
})

test('messages of a queue whose deletion the last process did not finish are forgotten, and its number is not used again', async () => {
  await broker.close()
  const { log } = await openSmall(disk)
  for (let n = 0; n < 3; n++) await published(log, [7], 'left behind')
  await log.close()

  broker = await Broker.open({ runtime, recovered: await openSmall(disk) })
  await new Promise<void>((resolve) => {
    broker.root.declareQueue(queueDefinition('new'), broker.root.connect(), () => resolve())
  })
  expect(broker.root.findQueue('new')?.id).toBeGreaterThan(7)
  await broker.close()

  const recovered = await openSmall(disk)
  expect(heldMessages(recovered)).toEqual([])
  await recovered.log.close()
})
