import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WaybillError } from '../../message/errors.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { isLoopback } from '../access/loopback.ts'
import { areEqualCredentials } from './credentials.ts'
import { exitCodeOf } from './exit-code.ts'
import { FolderWatch } from './folder-watch.ts'
import { IdleWatch } from './idle-watch.ts'
import { OpeningMarker, openingProgress } from './opening-marker.ts'
import { patientLock } from './patient-lock.ts'
import { processLog } from './process-log.ts'
import { formatOutcome, parseOutcome } from './start-outcome.ts'

let dir = ''
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'waybill-process-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('an outcome brings over the very error', () => {
  const error = new WaybillError('WAYBILL_STORE_DAMAGED', '/data/1.log, offset 7: a record is bad\nand more', {
    cure: 'Run this.',
  })
  const back = parseOutcome(formatOutcome({ type: 'failed', error }))
  expect(back).toMatchObject({
    type: 'failed',
    error: { code: 'WAYBILL_STORE_DAMAGED', message: error.message, cure: 'Run this.' },
  })
  expect(parseOutcome(formatOutcome({ type: 'failed', error: new Error('plain') }))).toMatchObject({
    error: { message: expect.stringContaining('plain') as string },
  })
  expect(parseOutcome(formatOutcome({ type: 'ready', instance: 'x' }))).toEqual({ type: 'ready', instance: 'x' })
})

test.each(['', 'null', '7', '{"type":"ready"}', '{"type":"failed"}', 'Segmentation fault'])(
  '%j is no outcome',
  (line) => expect(parseOutcome(line)).toBeUndefined(),
)

test('areEqualCredentials() needs both', () => {
  const expected = { user: 'me', password: 'secret' }
  expect(areEqualCredentials(expected, 'me', 'secret')).toBe(true)
  for (const [user, password] of [
    ['me', 'secre'],
    ['you', 'secret'],
    ['', ''],
    ['me', 'secret '],
    ['secret', 'me'],
  ] as const)
    expect(areEqualCredentials(expected, user, password)).toBe(false)
})

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.127.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['', false],
])('isLoopback(%s) is %s', (address, expected) => expect(isLoopback(address)).toBe(expected))

test('IdleWatch waits for a first user, and counts anew when nobody is left', async () => {
  const runtime = virtualRuntime()
  let idle = 0
  const unused = new IdleWatch(runtime, 1_000, () => idle++)
  await runtime.advance(4_999)
  expect(idle).toBe(0)
  await runtime.advance(1)
  expect(idle).toBe(1)
  unused.stop()
  idle = 0
  const watch = new IdleWatch(runtime, 1_000, () => idle++)
  await runtime.advance(900)
  watch.inUse(2)
  watch.inUse(1)
  await runtime.advance(5_000)
  expect(idle).toBe(0)
  watch.inUse(0)
  await runtime.advance(999)
  expect(idle).toBe(0)
  await runtime.advance(1)
  expect(idle).toBe(1)
  const stopped = new IdleWatch(runtime, 1_000, () => idle++)
  stopped.stop()
  await runtime.advance(5_000)
  expect(idle).toBe(1)
})

test('FolderWatch notices that the lock file has gone, or is another one', async () => {
  const runtime = virtualRuntime()
  writeFileSync(join(dir, 'lock.db'), '')
  let gone = 0
  const watch = new FolderWatch(dir, runtime, () => gone++)
  await runtime.advance(5_000)
  expect(gone).toBe(0)
  writeFileSync(join(dir, 'other'), '') // so that the inode is not used again
  rmSync(join(dir, 'lock.db'))
  await runtime.advance(1_000)
  expect(gone).toBe(1)
  await runtime.advance(5_000)
  expect(gone).toBe(1)
  watch.stop()
})

test('OpeningMarker changes while a log is read, and is gone afterwards', async () => {
  const runtime = virtualRuntime()
  const marker = new OpeningMarker(dir, runtime)
  expect(openingProgress(dir)).toBeUndefined()
  marker.begin()
  const seen = new Set<number | undefined>()
  for (let n = 0; n < 3; n++) {
    await runtime.advance(500)
    seen.add(openingProgress(dir))
  }
  expect(seen.size).toBe(3)
  marker.end()
  expect(openingProgress(dir)).toBeUndefined()
})

test('patientLock() waits for a holder that gives back, and not for ever', async () => {
  const inUse = new WaybillError('WAYBILL_STORE_IN_USE', 'taken')
  const lock = { release: () => {} }
  const runtime = virtualRuntime()
  let free = false
  const taken = patientLock(() => (free ? Promise.resolve(lock) : Promise.reject(inUse)), 1_000, runtime)
  await runtime.advance(500)
  free = true
  await runtime.advance(100)
  await expect(taken).resolves.toBe(lock)
  const never = patientLock(() => Promise.reject(inUse), 1_000, runtime).catch((error: unknown) => error)
  await runtime.advance(1_100)
  await expect(never).resolves.toBe(inUse)
  const broken = new Error('no disk')
  await expect(patientLock(() => Promise.reject(broken), 1_000, runtime)).rejects.toBe(broken)
})

test('processLog() keeps a bound', () => {
  const log = processLog(dir, systemRuntime())
  const file = join(dir, 'broker.log')
  log('first')
  expect(readFileSync(file, 'utf8')).toMatch(/^20.*Z \d+ first\n$/)
  appendFileSync(file, 'x'.repeat(300_000))
  log('second')
  expect(readFileSync(file, 'utf8')).toMatch(/^\S+ \d+ second\n$/)
  expect(statSync(`${file}.1`).size).toBeGreaterThan(300_000)
  rmSync(dir, { recursive: true })
  log('nowhere')
})

test('exitCodeOf() tells apart what a supervisor may treat differently', () => {
  const codes = (
    ['STORE_IN_USE', 'ADDRESS_IN_USE', 'STORE_DAMAGED', 'STORE_VERSION', 'STORE_UNWRITABLE', 'STORE_FAILED'] as const
  ).map((code) => exitCodeOf(new WaybillError(`WAYBILL_${code}`, 'x')))
  expect(codes).toEqual([3, 4, 5, 6, 7, 8])
  expect(exitCodeOf(new Error('a fault'))).toBe(1)
  expect(exitCodeOf(new WaybillError('WAYBILL_CLOSED', 'x'))).toBe(1)
})
