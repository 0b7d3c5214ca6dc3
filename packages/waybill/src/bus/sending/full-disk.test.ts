// A disk that fills up, and one that fails, as a user of the bus meets them: on a simulated disk under the real store.
import { expect, test } from 'vitest'
import { openBrokerOn } from '../../broker/open-broker.ts'
import { newDisk, SMALL } from '../../broker/store/log.test-support.ts'
import type { SimulatedDisk } from '../../broker/store/simulated-files.ts'
import { contract, document, type } from '../../contract/contract.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { AmqpTransport } from '../../transports/amqp/amqp-transport.ts'
import { EmbeddedEngine } from '../../transports/embedded/engine.ts'
import { InProcessBroker } from '../../transports/embedded/in-process-broker.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const work = contract('work', { job: document(type<{ n: number; padding: string }>()) })
const quiet = { logger: silentLogger, drainOn: [], drainTimeout: '1s' } as const

function onDisk(disk: SimulatedDisk, reserveBytes: number): TransportFactory {
  return (runtime) => {
    const open = () => openBrokerOn({ ...SMALL, files: disk.files(), runtime, reserveBytes })
    return new AmqpTransport(new EmbeddedEngine(new InProcessBroker(open)), runtime)
  }
}

/** Sends until one is refused; returns what was confirmed, and the error. */
async function sendUntilRefused(
  transport: TransportFactory,
  onConfirmed: (n: number) => void = () => {},
): Promise<{ confirmed: number[]; error: unknown; blocked: string | undefined }> {
  await using bus = await createBus({ ...quiet, transport, declare: [work.job] })
  const confirmed: number[] = []
  for (let n = 0; n < 5_000; n++) {
    try {
      await bus.send(work.job, { n, padding: 'x'.repeat(500) }, { timeout: '300ms' })
      confirmed.push(n)
      onConfirmed(n)
    } catch (error) {
      return { confirmed, error, blocked: (await bus.health()).blocked }
    }
  }
  throw new Error('the disk never filled')
}

async function received(transport: TransportFactory, atLeast: number): Promise<Set<number>> {
  const seen = new Set<number>()
  const worker = service('worker').on(work.job, ({ n }) => void seen.add(n), { concurrency: 64 })
  await using bus = await createBus({ ...quiet, transport, services: [worker] })
  await expect.poll(() => seen.size, { timeout: 10_000 }).toBeGreaterThanOrEqual(atLeast)
  expect(bus.subscriptions[0]?.state).toBe('consuming')
  return seen
}

test('a nearly full disk holds senders back until their deadline, says why, and everything confirmed is there', async () => {
  const disk = newDisk(24 * SMALL.segmentBytes)
  const transport = onDisk(disk, 6 * SMALL.segmentBytes)
  const { confirmed, error, blocked } = await sendUntilRefused(transport)
  expect(blocked).toBe('the disk is nearly full')
  expect(error).toMatchObject({
    code: 'WAYBILL_OUTCOME_UNKNOWN',
    message: expect.stringContaining('the disk is nearly full') as string,
  })
  expect(confirmed.length).toBeGreaterThan(50)
  const seen = await received(transport, confirmed.length)
  expect(confirmed.filter((n) => !seen.has(n))).toEqual([])
})

test('a disk that fails refuses what is not stored, closes the store, and everything confirmed is there', async () => {
  const disk = newDisk()
  const transport = onDisk(disk, 0)
  const { confirmed, error } = await sendUntilRefused(transport, (n) => {
    if (n === 100) disk.failWriteIn = 1
  })
  expect(error).toMatchObject({ code: 'WAYBILL_STORE_FAILED', scope: 'connection' })
  const seen = await received(onDisk(disk, 0), confirmed.length)
  expect(confirmed.filter((n) => !seen.has(n))).toEqual([])
})
