import { close as closeFd, constants, fstat, read as readFd, write as writeFd } from 'node:fs'
import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises'
import { open as openFd } from 'node:fs'
import { dirname, join, resolve as absolute } from 'node:path'
import { promisify } from 'node:util'
import { lockFolder } from './folder-lock.ts'
import { storeUnwritable } from './store-damage.ts'
import type { FileDone, StoreFile, StoreFiles } from './store-files.ts'

// Zeros are written and synced in steps, so that preparing a file does not hold up the commits beside it for long.
const ZERO_STEP_BYTES = 1024 * 1024

const [openAsync, closeAsync, statAsync] = [promisify(openFd), promisify(closeFd), promisify(fstat)]

/** Messages are nobody else's business: the folder and its files are for this user alone. */
const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/**
 * The data folder `folder` on this machine's disk; created when missing.
 *
 * @throws {WaybillError} `WAYBILL_STORE_UNWRITABLE` when it cannot be created
 */
export async function nodeFiles(folder: string): Promise<StoreFiles> {
  try {
    await createFolder(folder)
  } catch (error) {
    throw storeUnwritable(folder, error)
  }
  return {
    folder,
    lock: () => lockFolder(folder),
    list: () => readdir(folder),
    preallocate: (name, size) => preallocate(join(folder, name), size),
    open: async (name) => {
      // O_DSYNC: the write returns when data and the metadata needed to read it are on the disk.
      const fd = await openAsync(join(folder, name), constants.O_RDWR | constants.O_DSYNC)
      return new NodeFile(fd, (await statAsync(fd)).size)
    },
    rename: (from, to) => rename(join(folder, from), join(folder, to)),
    remove: (name) => rm(join(folder, name), { force: true }),
    syncFolder: () => syncFolder(folder),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
  }
}

/** A folder is on the disk once the one that names it is synced, up to the first that was there before. */
async function createFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  if (first === undefined) return
  const above = dirname(absolute(first))
  for (let parent = dirname(absolute(folder)); ; parent = dirname(parent)) {
    await syncFolder(parent)
    if (parent === above || parent === dirname(parent)) return
  }
}

async function preallocate(path: string, size: number): Promise<void> {
  const file = await open(path, 'w', FILE_MODE)
  try {
    const zeros = Buffer.alloc(Math.min(size, ZERO_STEP_BYTES))
    for (let at = 0; at < size; at += zeros.length) {
      await file.writev([zeros.subarray(0, Math.min(zeros.length, size - at))], at)
      await file.datasync()
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; NTFS journals its names itself.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

class NodeFile implements StoreFile {
  readonly size: number
  readonly #fd: number

  constructor(fd: number, size: number) {
    this.#fd = fd
    this.size = size
  }

  write(bytes: Uint8Array, from: number, length: number, position: number, done: FileDone): void {
    writeFd(this.#fd, bytes, from, length, position, (error, written) => {
      if (error !== null) done(error)
      else if (written === 0) done(new Error('the file system wrote nothing'))
      // A short write is no failure: what it wrote is on the disk, and the rest follows.
      else if (written < length) this.write(bytes, from + written, length - written, position + written, done)
      else done(undefined)
    })
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const next = (filled: number): void => {
        readFd(this.#fd, into, filled, into.length - filled, position + filled, (error, count) => {
          if (error !== null) reject(error)
          else if (count === 0 || filled + count === into.length) resolve(filled + count)
          else next(filled + count)
        })
      }
      next(0)
    })
  }

  async close(): Promise<void> {
    await closeAsync(this.#fd)
  }
}
