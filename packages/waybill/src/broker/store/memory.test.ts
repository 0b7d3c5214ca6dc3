import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { newDisk, openSmall, until } from './log.test-support.ts'
import type { SimulatedDisk } from './simulated-files.ts'

const MIB = 1024 * 1024
const PATIENCE = { timeout: 10_000 }

setFlagsFromString('--expose_gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of buffers that are alive, but for those that stand for the disk, which gets a new segment whenever it likes. */
function bufferBytes(disk: SimulatedDisk): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers - disk.usedBytes
}

test('what the log keeps of large messages is bounded by bytes, not by their number', { timeout: 30_000 }, async () => {
  const disk = newDisk()
  const { log } = await openSmall(
    disk,
    {},
    { segmentBytes: 64 * MIB, firstSegmentBytes: 64 * MIB, cacheBytes: 4 * MIB },
  )
  const message = { exchange: '', routingKey: 'q', properties: Buffer.alloc(2), body: Buffer.alloc(5 * MIB, 'x') }
  let written = 0
  const sequences: number[] = []
  const began = bufferBytes(disk)
  for (let n = 0; n < 10; n++) {
    sequences.push(log.publish([1], message, () => written++))
    await until(() => written > n)
  }
  // Buffers that nobody holds any more are swept beside the program, after the collection.
  await expect.poll(() => bufferBytes(disk) - began, PATIENCE).toBeLessThan(15 * MIB)
  for (const sequence of sequences) expect((await log.read(sequence)).body.length).toBe(message.body.length)
  await expect.poll(() => bufferBytes(disk) - began, PATIENCE).toBeLessThan(35 * MIB)
  await log.close()
})
