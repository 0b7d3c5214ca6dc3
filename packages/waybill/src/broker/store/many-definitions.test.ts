import { expect, test } from 'vitest'
import { defined, newDisk, openSmall, published } from './log.test-support.ts'

test('a log of more definitions than fit a segment makes larger ones, and not one for each record', async () => {
  const disk = newDisk()
  const first = await openSmall(disk)
  const names = Array.from({ length: 400 }, (_, n) => `queue ${n}`)
  for (const name of names) await defined(first.log, name, name.padEnd(100))
  const filesBefore = disk.names.length
  for (let n = 0; n < 300; n++) await published(first.log, [1], `${n}`.padEnd(100))
  // About 60 KB of records; each segment has a checkpoint of 50 KB, and as much room behind it.
  expect(disk.names.length - filesBefore).toBeLessThanOrEqual(4)
  await first.log.close()
  const second = await openSmall(disk)
  expect([...second.definitions.keys()]).toEqual(names)
  await second.log.close()
})
