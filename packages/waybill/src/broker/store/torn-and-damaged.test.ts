import { expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { seededRandom } from '../../runtime/seeded-random.ts'
import { heldMessages, newDisk, openSmall, published, settled, defined } from './log.test-support.ts'
import { recover } from './recover.ts'
import { SEGMENT_HEADER_BYTES } from './segment-header.ts'
import type { SimulatedDisk } from './simulated-files.ts'

const FIRST = '00000001.log'

function endOfData(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

async function outcome(disk: SimulatedDisk): Promise<string> {
  try {
    const { state } = await recover(disk.files())
    return `${state.index.live} live`
  } catch (error) {
    return isWaybillError(error) ? error.code : String(error)
  }
}

test('a log truncated at any byte opens with what was before', async () => {
  const disk = newDisk()
  const { log } = await openSmall(disk)
  const ends: number[] = []
  for (let i = 0; i < 6; i++) {
    await published(log, [1], `message ${i}`)
    ends.push(endOfData(disk.contents(FIRST)))
  }
  disk.crash()
  const first = ends[0] ?? 0
  const last = ends.at(-1) ?? 0
  expect(last).toBeGreaterThan(first)
  for (let cut = first; cut <= last; cut++) {
    const whole = ends.filter((end) => end <= cut).length
    const torn = disk.clone(seededRandom(cut))
    torn.contents(FIRST).fill(0, cut)
    const recovered = await openSmall(torn)
    expect(heldMessages(recovered).length, `cut at ${cut}`).toBe(whole)
    // What is written now follows what was found, and the torn rest does not come back.
    await published(recovered.log, [1], 'afterwards')
    torn.crash()
    expect(heldMessages(await openSmall(torn)).length, `again, cut at ${cut}`).toBe(whole + 1)
  }
})

test('a bit flipped in what was synced is damage, and the error names file, offset and the repair command', async () => {
  const disk = newDisk()
  const { log } = await openSmall(disk)
  await defined(log, 'queue/1', '{}')
  const a = await published(log, [1, 2], 'a')
  await published(log, [1], 'b')
  await settled(log, 1, [a])
  await log.close()
  expect(await outcome(disk)).toBe('2 live')
  const bytes = disk.contents(FIRST)
  const closing = endOfData(bytes) - 13 // the record that says that the log was closed: 16 bytes, the last 3 zero
  const headers = [0, 2048].flatMap((at) => Array.from({ length: 64 }, (_, i) => at + i))
  const records = Array.from({ length: closing - SEGMENT_HEADER_BYTES }, (_, i) => SEGMENT_HEADER_BYTES + i)
  for (const at of [...headers, ...records]) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
      expect(await outcome(disk), `byte ${at}, bit ${bit}`).toBe('WAYBILL_STORE_DAMAGED')
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    }
  }
  bytes[closing - 20] = (bytes[closing - 20] ?? 0) ^ 1
  await expect(openSmall(disk)).rejects.toThrow(
    /\/simulated\/00000001\.log, offset \d+: .*\n.*\n.*waybill broker repair --data \/simulated/,
  )
})

test('a bit flipped in an older segment, a missing segment and a foreign segment are damage', async () => {
  const disk = newDisk()
  const { log } = await openSmall(disk)
  for (let i = 0; i < 60; i++) await published(log, [1], `${i} ${'x'.repeat(700)}`)
  await log.close()
  const logs = disk.names.filter((name) => name.endsWith('.log')).toSorted()
  expect(logs.length).toBeGreaterThanOrEqual(4)
  const [older = '', next = ''] = logs
  const lastByte = endOfData(disk.contents(older)) - 1
  for (const at of [100, SEGMENT_HEADER_BYTES + 20, 9000, lastByte]) {
    const flipped = disk.clone(Math.random)
    flipped.contents(older)[at] = (flipped.contents(older)[at] ?? 0) ^ 4
    // Bytes 64 to 2047 of the header are not used.
    expect(await outcome(flipped), `byte ${at}`).toBe(at === 100 ? '60 live' : 'WAYBILL_STORE_DAMAGED')
  }
  const missing = disk.clone(Math.random)
  await missing.files().remove(next)
  expect(await outcome(missing)).toBe('WAYBILL_STORE_DAMAGED')
  const foreign = disk.clone(Math.random)
  disk.contents(older).copy(foreign.contents(next))
  expect(await outcome(foreign)).toBe('WAYBILL_STORE_DAMAGED')
})

test('a log of a newer format is refused by its version', async () => {
  const disk = newDisk()
  await (await openSmall(disk)).log.close()
  const { crc32 } = await import('node:zlib')
  for (const at of [0, 2048]) {
    const header = disk.contents(FIRST).subarray(at, at + 64)
    header.writeUInt32LE(2, 8)
    header.writeUInt32LE(crc32(header.subarray(0, 60)), 60)
  }
  expect(await outcome(disk)).toBe('WAYBILL_STORE_VERSION')
})
