import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseAnnouncement, type Announcement } from './announcement.ts'
import { readAnnouncement, removeAnnouncement, writeAnnouncement } from './announcement-file.ts'

const GOOD: Announcement = {
  protocol: 1,
  version: '0.1.0',
  instance: '01890a5d-ac96-774b-bcce-b302099a8057',
  pid: 4711,
  host: '127.0.0.1',
  port: 40_001,
  user: 'waybill',
  secret: 'A'.repeat(43),
}

let dir = ''
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'waybill-announcement-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('parseAnnouncement() takes a good one, and leaves out what it does not know', () => {
  expect(parseAnnouncement(JSON.stringify({ ...GOOD, colour: 'blue' }))).toEqual({
    state: 'announced',
    announcement: GOOD,
  })
})

test.each([
  ['protocol', 0],
  ['protocol', '1'],
  ['version', '1'],
  ['version', `0.1.0${'x'.repeat(100)}`],
  ['instance', 'me'],
  ['pid', -1],
  ['pid', 1.5],
  ['host', '10.0.0.1'],
  ['host', '127.0.0.1.example.com'],
  ['host', 'localhost'],
  ['port', 0],
  ['port', 65_536],
  ['user', 'a\0b'],
  ['secret', ''],
  ['secret', `${'A'.repeat(42)}=`],
  ['secret', undefined],
])('parseAnnouncement() believes nothing when %s is %j', (field, value) => {
  expect(parseAnnouncement(JSON.stringify({ ...GOOD, [field]: value }))).toMatchObject({ state: 'unreadable' })
})

test.each(['', '{', '[]', 'null', '"text"', JSON.stringify(GOOD).slice(0, -9), '\0\0\0\0'])(
  'parseAnnouncement() believes nothing in %j',
  (text) => expect(parseAnnouncement(text)).toMatchObject({ state: 'unreadable' }),
)

test('parseAnnouncement() reads of another protocol only what it is, and of whom', () => {
  const text = JSON.stringify({ protocol: 2, version: '3.0.0', pid: 12, path: '/run/waybill.sock' })
  expect(parseAnnouncement(text)).toEqual({ state: 'other-protocol', protocol: 2, version: '3.0.0', pid: 12 })
})

test('writeAnnouncement() is read back, and nobody else may read it', () => {
  writeAnnouncement(dir, { ...GOOD, instance: '01890a5d-ac96-774b-bcce-b302099a8058' })
  writeAnnouncement(dir, GOOD)
  expect(readAnnouncement(dir)).toEqual({ state: 'announced', announcement: GOOD })
  expect(readdirSync(dir)).toEqual(['broker.json'])
  expect(statSync(join(dir, 'broker.json')).mode & 0o777).toBe(0o600)
})

test('readAnnouncement() of no file, a folder, and a file without end', () => {
  expect(readAnnouncement(join(dir, 'missing'))).toEqual({ state: 'absent' })
  expect(readAnnouncement(dir)).toEqual({ state: 'absent' })
  writeFileSync(join(dir, 'broker.json'), JSON.stringify({ ...GOOD, more: 'x'.repeat(5_000) }))
  expect(readAnnouncement(dir)).toMatchObject({ state: 'unreadable', why: 'it is too long' })
  rmSync(join(dir, 'broker.json'))
  mkdirSync(join(dir, 'broker.json'))
  expect(readAnnouncement(dir)).toMatchObject({ state: 'unreadable' })
})

test('removeAnnouncement() removes what killed writers left, and nothing else', () => {
  writeAnnouncement(dir, GOOD)
  writeFileSync(join(dir, `broker.json.${GOOD.instance}`), '{')
  writeFileSync(join(dir, 'broker.log'), 'kept')
  removeAnnouncement(dir)
  expect(readdirSync(dir)).toEqual(['broker.log'])
  expect(readFileSync(join(dir, 'broker.log'), 'utf8')).toBe('kept')
})
