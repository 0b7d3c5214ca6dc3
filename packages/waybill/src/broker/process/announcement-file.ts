import { closeSync, openSync, readdirSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  MAX_ANNOUNCEMENT_BYTES,
  parseAnnouncement,
  type Announcement,
  type AnnouncementReading,
} from './announcement.ts'

const FILE = 'broker.json'
/** It holds the secret. */
const MODE = 0o600

/** What is announced in a folder. A folder that is missing, or closed to this user, announces nothing. */
export function readAnnouncement(dir: string): AnnouncementReading {
  let fd: number
  try {
    fd = openSync(join(dir, FILE), 'r')
  } catch {
    return { state: 'absent' }
  }
  try {
    const bytes = Buffer.alloc(MAX_ANNOUNCEMENT_BYTES + 1)
    const length = readSync(fd, bytes, 0, bytes.length, 0)
    if (length > MAX_ANNOUNCEMENT_BYTES) return { state: 'unreadable', why: 'it is too long' }
    return parseAnnouncement(bytes.toString('utf8', 0, length))
  } catch (error) {
    // A directory of that name.
    return { state: 'unreadable', why: String(error) }
  } finally {
    closeSync(fd)
  }
}

/** Makes the announcement appear as a whole. Only who holds the lock of the folder may call it. */
export function writeAnnouncement(dir: string, announcement: Announcement): void {
  const half = join(dir, `${FILE}.${announcement.instance}`)
  writeFileSync(half, `${JSON.stringify(announcement, undefined, 2)}\n`, { mode: MODE, flag: 'wx' })
  renameSync(half, join(dir, FILE))
}

/** Removes what is announced, and what a writer that was killed left behind. For who holds the lock of the folder. */
export function removeAnnouncement(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name === FILE || name.startsWith(`${FILE}.`)) rmSync(join(dir, name), { recursive: true, force: true })
  }
}
