import { expect, test, vi } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { heldMessages, newDisk, openSmall, published, settled, SMALL, textMessage, until } from './log.test-support.ts'

const TEXT = 'x'.repeat(700)

test('a failed write is not tried again: what waits and what comes later is refused, and the log closes', async () => {
  const disk = newDisk()
  const failed = vi.fn<(error: Error) => void>()
  const { log } = await openSmall(disk, { failed })
  const before = await published(log, [1], 'before')
  disk.failWriteIn = 1
  const outcomes: string[] = []
  const note = (name: string) => (error: Error | undefined) => {
    outcomes.push(`${name} ${error !== undefined && 'code' in error ? String(error.code) : 'done'}`)
  }
  log.publish([1], textMessage('a'), note('a'))
  log.settle(1, [before], note('settle'))
  const writes = disk.writes
  await until(() => outcomes.length === 2)
  log.publish([1], textMessage('b'), note('b'))
  await until(() => outcomes.length === 3)
  expect(outcomes).toEqual(['a', 'settle', 'b'].map((name) => `${name} WAYBILL_STORE_FAILED`))
  expect(failed).toHaveBeenCalledOnce()
  expect(disk.writes).toBe(writes + 1)
  await expect(log.flush()).rejects.toMatchObject({ code: 'WAYBILL_STORE_FAILED' })
  await log.close()
  expect(heldMessages(await openSmall(disk))).toEqual([[1, before, 0]])
})

test('a nearly full disk blocks; settlements go on, free segments, and unblock', async () => {
  const disk = newDisk(20 * SMALL.segmentBytes)
  const runtime = virtualRuntime()
  const changes: boolean[] = []
  const { log } = await openSmall(
    disk,
    { blocked: (blocked) => void changes.push(blocked) },
    { runtime, reserveBytes: 6 * SMALL.segmentBytes },
  )
  const sequences: number[] = []
  while (!log.blocked) sequences.push(await published(log, [1], TEXT))
  expect(disk.usedBytes).toBeLessThanOrEqual(14 * SMALL.segmentBytes)
  for (const sequence of sequences) await settled(log, 1, [sequence])
  await until(() => disk.usedBytes < 8 * SMALL.segmentBytes)
  await runtime.advance(2_000)
  expect(changes).toEqual([true, false])
  await published(log, [1], TEXT)
  await log.close()
})

test('a disk that is full loses nothing: what waits is confirmed when there is room', async () => {
  const disk = newDisk(6 * SMALL.segmentBytes)
  const runtime = virtualRuntime()
  const { log } = await openSmall(disk, {}, { runtime })
  let confirmed = 0
  const count = 150
  for (let i = 0; i < count; i++)
    log.publish([1], textMessage(TEXT), (error) => (confirmed += error === undefined ? 1 : 0))
  await until(() => log.blocked)
  expect(confirmed).toBeLessThan(count)
  disk.capacityBytes = Infinity
  await runtime.advance(2_000)
  await until(() => confirmed === count)
  await log.close()
  expect(heldMessages(await openSmall(disk)).length).toBe(count)
})

test('publish() refuses when too much waits for the disk', async () => {
  const { log } = await openSmall(newDisk(), {}, { mostPendingBytes: 10_000 })
  const fill = (): void => {
    for (let i = 0; i < 100; i++) log.publish([1], textMessage(TEXT), () => {})
  }
  expect(fill).toThrow(expect.objectContaining({ code: 'WAYBILL_BACKPRESSURE' }) as Error)
  await log.close()
})
