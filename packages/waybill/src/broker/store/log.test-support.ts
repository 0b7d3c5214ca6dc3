import { seededRandom } from '../../runtime/seeded-random.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { MessageLog, MessageLogEvents, RecoveredLog, StoredMessage } from './message-log.ts'
import { openLog, type OpenLogOptions } from './open-log.ts'
import { SimulatedDisk } from './simulated-files.ts'

export function newDisk(capacityBytes: number = Infinity): SimulatedDisk {
  return new SimulatedDisk({ random: seededRandom(1), capacityBytes })
}

/** Small segments, so that a few messages fill several. */
export const SMALL = {
  segmentBytes: 16_384,
  firstSegmentBytes: 16_384,
  blockBytes: 4096,
  cacheBytes: 8192,
  reserveBytes: 0,
} as const satisfies Partial<OpenLogOptions>

export function openSmall(
  disk: SimulatedDisk,
  events: MessageLogEvents = {},
  options: Partial<OpenLogOptions> = {},
): Promise<RecoveredLog> {
  return openLog({ files: disk.files(), runtime: virtualRuntime(), events, ...SMALL, ...options })
}

export function textMessage(text: string): StoredMessage {
  return { exchange: 'orders', routingKey: '3.placed', properties: Buffer.from([1, 2, 3]), body: Buffer.from(text) }
}

/** Resolves with the sequence once the message is on the disk. */
export function published(log: MessageLog, queues: readonly number[], text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sequence: number = log.publish(queues, textMessage(text), (error) =>
      error === undefined ? resolve(sequence) : reject(error),
    )
  })
}

export function defined(log: MessageLog, key: string, value: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    log.define(key, value, (error) => (error === undefined ? resolve() : reject(error)))
  })
}

export async function settled(log: MessageLog, queue: number, sequences: readonly number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    log.settle(queue, sequences, (error) => (error === undefined ? resolve() : reject(error)))
  })
}

export type HeldMessage = readonly [queue: number, sequence: number, deliveries: number]

export function heldMessages(recovered: RecoveredLog): HeldMessage[] {
  const found: HeldMessage[] = []
  recovered.forEachMessage((...held) => void found.push(held))
  return found
}

/** Lets disk operations of a simulated disk complete until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 10_000) throw new Error('it did not come to pass')
    await new Promise((resolve) => void setImmediate(resolve))
  }
}
