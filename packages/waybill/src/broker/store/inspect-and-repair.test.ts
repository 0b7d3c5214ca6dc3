import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { inspectStore, repairStore } from './inspect-and-repair.ts'
import { SMALL, defined, heldMessages, newDisk, openSmall, published, settled } from './log.test-support.ts'
import type { SimulatedDisk } from './simulated-files.ts'

const TEXT = 'x'.repeat(700)
const repair = (disk: SimulatedDisk): ReturnType<typeof repairStore> =>
  repairStore({ files: disk.files(), runtime: virtualRuntime(), ...SMALL })

async function filled(): Promise<{ disk: SimulatedDisk; sequences: number[] }> {
  const disk = newDisk()
  const { log } = await openSmall(disk)
  await defined(log, 'queue/1', 'one')
  const sequences: number[] = []
  for (let i = 0; i < 60; i++) sequences.push(await published(log, [1], `${i} ${TEXT}`))
  await settled(log, 1, sequences.splice(0, 30))
  await log.close()
  return { disk, sequences }
}

test('inspectStore() lists segments with live and dead bytes, and changes nothing', async () => {
  const { disk } = await filled()
  const report = await inspectStore(disk.files())
  expect(report).toMatchObject({ messages: 30, definitions: 1, clean: true, damage: [] })
  const [first, last] = [report.segments[0], report.segments.at(-1)]
  expect(first).toMatchObject({ bytes: SMALL.segmentBytes, liveBytes: expect.any(Number) as number })
  expect(last?.liveBytes).toBeGreaterThan(0)
  expect((await inspectStore(disk.files())).segments).toEqual(report.segments)
})

test('repairStore() drops the damaged record alone, says where it was, and the log opens', async () => {
  const { disk, sequences } = await filled()
  const names = disk.names.filter((name) => name.endsWith('.log')).toSorted()
  const file = names.at(-2) ?? ''
  disk.contents(file).writeUInt8(0xff, 9000)
  await expect(openSmall(disk)).rejects.toMatchObject({ code: 'WAYBILL_STORE_DAMAGED' })
  const inspected = await inspectStore(disk.files())
  expect(inspected.damage).toMatchObject([{ file, what: expect.stringContaining('unreadable') as string }])
  const report = await repair(disk)
  expect(report.damage).toEqual(inspected.damage)
  const recovered = await openSmall(disk)
  const held = heldMessages(recovered).map(([, sequence]) => sequence)
  expect(held).toHaveLength(sequences.length - 1)
  expect(sequences).toEqual(expect.arrayContaining(held))
  expect([...recovered.definitions]).toEqual([['queue/1', 'one']])
  expect(Buffer.from((await recovered.log.read(held[0] ?? 0)).body).toString()).toContain(TEXT)
  await recovered.log.close()
  expect((await inspectStore(disk.files())).damage).toEqual([])
})

test('repairStore() survives a bad header and a missing segment', async () => {
  const { disk } = await filled()
  const names = disk.names.filter((name) => name.endsWith('.log')).toSorted()
  disk.contents(names.at(-1) ?? '').writeUInt8(0xff, 3)
  await disk.files().remove(names.at(-2) ?? '')
  const { damage } = await repair(disk)
  expect(damage.map(({ what }) => what)).toEqual(['the header of the segment is bad', 'the segment is missing'])
  const recovered = await openSmall(disk)
  expect(heldMessages(recovered).length).toBeGreaterThan(0)
  await recovered.log.close()
})
