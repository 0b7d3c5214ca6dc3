import { expect, test } from 'vitest'
import { defined, heldMessages, newDisk, openSmall, published, settled, SMALL, until } from './log.test-support.ts'

const TEXT = 'x'.repeat(500)

test('old messages pin nothing: under churn the disk stays bounded, and they are still there', async () => {
  const disk = newDisk()
  const first = await openSmall(disk)
  await defined(first.log, 'queue/1', 'one')
  const pinned: number[] = []
  let most = 0
  for (let i = 0; i < 1500; i++) {
    if (i % 50 === 0) {
      const sequence = await published(first.log, [7, 8], `pinned ${i}`)
      await settled(first.log, 8, [sequence])
      first.log.countDelivery(7, [sequence], () => {})
      pinned.push(sequence)
    }
    await settled(first.log, 1, [await published(first.log, [1], TEXT)])
    most = Math.max(most, disk.usedBytes)
  }
  // 1,500 messages are 50 segments, and in each lives one. A slack of four, spares and the one at work are ten.
  expect(most).toBeLessThanOrEqual(10 * SMALL.segmentBytes)
  expect(disk.names).not.toContain('00000001.log')
  disk.crash()

  const second = await openSmall(disk)
  expect(heldMessages(second)).toEqual(pinned.map((sequence) => [7, sequence, 1]))
  expect([...second.definitions]).toEqual([['queue/1', 'one']])
  for (const [i, sequence] of pinned.entries())
    expect(Buffer.from((await second.log.read(sequence)).body).toString()).toBe(`pinned ${i * 50}`)
  await second.log.close()
})

test('a settled message does not come back when the segment with its settlement goes before its own', async () => {
  const disk = newDisk()
  const { log } = await openSmall(disk)
  // A backlog that stays, with every third message settled much later, among churn.
  const backlog: number[] = []
  for (let i = 0; i < 120; i++) backlog.push(await published(log, [1], TEXT))
  for (let i = 0; i < 900; i++) {
    await settled(log, 2, [await published(log, [2], TEXT)])
    if (i % 20 === 0) await settled(log, 1, [backlog[i / 10] ?? 0])
  }
  const settledOnes = new Set(Array.from({ length: 45 }, (_, i) => backlog[i * 2]))
  disk.crash()
  const recovered = await openSmall(disk)
  expect(heldMessages(recovered).map(([, sequence]) => sequence)).toEqual(
    backlog.filter((sequence) => !settledOnes.has(sequence)),
  )
  await recovered.log.close()
})

test('an emptied log gives its segments back', async () => {
  const disk = newDisk()
  const { log } = await openSmall(disk)
  const sequences: number[] = []
  for (let i = 0; i < 300; i++) sequences.push(await published(log, [1], TEXT))
  expect(disk.usedBytes).toBeGreaterThan(10 * SMALL.segmentBytes)
  await settled(log, 1, sequences)
  // Four spares, the one at work, and one that the settlements may have begun.
  await until(() => disk.usedBytes <= 6 * SMALL.segmentBytes)
  await log.close()
})
