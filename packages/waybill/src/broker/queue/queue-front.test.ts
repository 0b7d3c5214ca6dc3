import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { queueDefinition } from '../broker.test-support.ts'
import type { MessageLog, RecoveredLog, StoredMessage } from '../store/message-log.ts'
import { toStored } from '../stored-form.ts'

const MESSAGES = 2_000

/** A log that reads in a later turn of the event loop, and notes how much at a time. */
class SlowLog implements Partial<MessageLog> {
  readonly settled: number[] = []
  mostReads = 0
  #reads = 0

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

  settle(_queue: number, sequences: readonly number[]): void {
    this.settled.push(...sequences)
  }
}

test('recovered messages that have expired are read some hundreds at a time, then go in their order', async () => {
  const runtime = virtualRuntime({ start: 1_000 })
  const log = new SlowLog()
  const definition = queueDefinition('q', { arguments: { deadLetterExchange: 'gone' } })
  const recovered: RecoveredLog = {
    log: log as unknown as MessageLog, // what of it is called
    definitions: new Map([['queue q', JSON.stringify({ id: 1, definition })]]),
    forEachMessage(visit) {
      for (let sequence = 1; sequence <= MESSAGES; sequence++) visit(1, sequence, 0)
    },
    unclean: false,
  }
  const { root } = await Broker.open({ runtime, recovered })
  await runtime.settle()
  expect(log.settled).toEqual(Array.from({ length: MESSAGES }, (_, n) => n + 1))
  expect(log.mostReads).toBe(256)
  expect(root.findQueue('q')?.ready).toBe(0)
})
