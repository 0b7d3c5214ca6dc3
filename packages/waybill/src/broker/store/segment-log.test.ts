import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { MessageLog, RecoveredLog, StoredMessage } from './message-log.ts'
import { nodeFiles } from './node-files.ts'
import { openLog, type OpenLogOptions } from './open-log.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-log-'))
  folders.push(folder)
  return folder
}

async function open(folder: string, options: Partial<OpenLogOptions> = {}): Promise<RecoveredLog> {
  return openLog({
    files: await nodeFiles(folder),
    runtime: systemRuntime(),
    segmentBytes: 1024 * 1024,
    reserveBytes: 0,
    ...options,
  })
}

function message(text: string): StoredMessage {
  return {
    exchange: 'orders',
    routingKey: '3.placed',
    properties: Buffer.from([1, 2, 3]),
    body: Buffer.from(text),
  }
}

const publish = (log: MessageLog, queues: readonly number[], text: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sequence = log.publish(queues, message(text), (error) =>
      error === undefined ? resolve(sequence) : reject(error),
    )
  })

function holdings(recovered: RecoveredLog): [queue: number, sequence: number, deliveries: number][] {
  const found: [number, number, number][] = []
  recovered.forEachMessage((...holding) => void found.push(holding))
  return found
}

test('openLog() finds what was confirmed: messages, settlements, moves, counts and definitions', async () => {
  const folder = newFolder()
  const first = await open(folder)
  expect(first.unclean).toBe(false)
  const a = await publish(first.log, [1, 2], 'a')
  const b = await publish(first.log, [1], 'b')
  first.log.settle(1, [a])
  first.log.countDelivery(2, [a], () => {})
  const c = first.log.move({ queue: 1, sequence: b }, [9], message('c'), () => {})
  first.log.define('queue/1', 'one', () => {})
  first.log.define('queue/2', 'two', () => {})
  first.log.define('queue/1', 'one again', () => {})
  await first.log.close()

  const second = await open(folder)
  expect(second.unclean).toBe(false)
  expect(holdings(second)).toEqual([
    [2, a, 1],
    [9, c, 0],
  ])
  expect([...second.definitions]).toEqual([
    ['queue/1', 'one again'],
    ['queue/2', 'two'],
  ])
  const read = await second.log.read(c)
  expect({ ...read, body: read.body.toString(), properties: [...read.properties] }).toEqual({
    exchange: 'orders',
    routingKey: '3.placed',
    properties: [1, 2, 3],
    body: 'c',
  })
  expect(await publish(second.log, [1], 'd')).toBeGreaterThan(c)
  await second.log.close()
})

test('openLog() refuses a folder that another process has open', async () => {
  const folder = newFolder()
  const { log } = await open(folder)
  await expect(open(folder)).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_STORE_IN_USE'))
  const child = spawnSync(process.execPath, [join(import.meta.dirname, 'folder-lock.child.ts'), folder])
  expect(child.stdout.toString()).toBe('WAYBILL_STORE_IN_USE')
  await log.close()
  await (await open(folder)).log.close()
})

test('read() finds messages of earlier segments on disk, asynchronously', async () => {
  const folder = newFolder()
  const { log } = await open(folder, { blockBytes: 64 * 1024, cacheBytes: 128 * 1024, segmentBytes: 256 * 1024 })
  const text = 'x'.repeat(1000)
  const sequences: number[] = []
  for (let i = 0; i < 2000; i++) sequences.push(log.publish([1], message(`${i} ${text}`), () => {}))
  await log.flush()
  const read = await Promise.all(sequences.map(async (sequence) => log.read(sequence)))
  expect(read.map(({ body }) => body.toString())).toEqual(sequences.map((_, i) => `${i} ${text}`))
  await log.close()
})
