import { beforeEach, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, queueDefinition } from '../broker.test-support.ts'
import type { Durable, MessageLog, RecoveredLog, StoredMessage } from '../store/message-log.ts'
import { toStored } from '../stored-form.ts'
import type { VirtualHost } from '../virtual-host.ts'

const MESSAGES = 2_000

/** A log that reads in a later turn of the event loop, and notes how much at a time. */
class SlowLog implements Partial<MessageLog> {
  readonly settled: number[] = []
  mostReads = 0
  #reads = 0
  #published = 0

  read(sequence: number): Promise<StoredMessage> {
    const message = { exchange: '', routingKey: 'q', properties: Buffer.alloc(2), body: Buffer.from(String(sequence)) }
    const stored = toStored({ ...message, origin: undefined }, { publishedAt: 0, ttlMs: 1, dueAt: undefined })
    this.mostReads = Math.max(this.mostReads, ++this.#reads)
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#reads--
        resolve(stored)
      })
    })
  }

  size(): number {
    return 100
  }

  publish(_queues: readonly number[], _message: StoredMessage, done: Durable): number {
    setImmediate(() => done(undefined))
    return ++this.#published
  }

  settle(_queue: number, sequences: readonly number[]): void {
    this.settled.push(...sequences)
  }
}

const DEFINITION = queueDefinition('q', { arguments: { deadLetterExchange: 'gone', messageTtlMs: 10 } })
const ALL = Array.from({ length: MESSAGES }, (_, n) => n + 1)

let runtime: VirtualRuntime
let log: SlowLog

beforeEach(() => {
  runtime = virtualRuntime({ start: 1_000 })
  log = new SlowLog()
})

/** A broker over the slow log, with the queue, and so many messages in it. */
async function open(messages: number): Promise<VirtualHost> {
  const recovered: RecoveredLog = {
    log: log as Partial<MessageLog> as MessageLog, // what of it is called
    definitions: new Map([['queue q', JSON.stringify({ id: 1, definition: DEFINITION })]]),
    forEachMessage(visit) {
      for (let sequence = 1; sequence <= messages; sequence++) visit(1, sequence, 0)
    },
    unclean: false,
  }
  return (await Broker.open({ runtime, recovered })).root
}

test('recovered messages that have expired are read some hundreds at a time, and go in their order', async () => {
  const host = await open(MESSAGES)
  await runtime.settle()
  expect(log.settled).toEqual(ALL)
  expect(log.mostReads).toBe(256)
  expect(host.findQueue('q')?.ready).toBe(0)
})

test('so are those that expire later', async () => {
  const host = await open(0)
  const publisher = new Publisher(host)
  await Promise.all(ALL.map((n) => publisher.send('q', String(n))))
  expect(host.findQueue('q')?.ready).toBe(MESSAGES)
  await runtime.advance(10)
  await runtime.settle()
  expect(log.settled).toEqual(ALL)
  expect(log.mostReads).toBe(256)
})
