import { WaybillError } from '../../message/errors.ts'
import type { FileDone, StoreFile, StoreFiles } from './store-files.ts'

const SECTOR_BYTES = 512

export interface SimulatedDiskOptions {
  /** Decides what of an unsynced write survives a crash. */
  readonly random: () => number
  /** Runs a completion later, as a disk would. Default: in a microtask. */
  readonly later?: (fn: () => void) => void
  readonly capacityBytes?: number
}

interface SimulatedFile {
  bytes: Buffer
}

interface PendingWrite {
  readonly file: SimulatedFile
  readonly bytes: Buffer
  readonly position: number
}

/**
 * A disk for tests. What was written but not synced when it crashes is kept or lost sector by sector; writes can be made
 * to fail, space to run out, bits to flip. It lives through any number of openings.
 */
export class SimulatedDisk {
  /** Makes the next write with this number (from now, 1 is the next) fail. */
  failWriteIn = 0
  capacityBytes: number
  writes = 0
  readonly #options: SimulatedDiskOptions
  readonly #files = new Map<string, SimulatedFile>()
  /** Names as the folder has them on the disk; undone renames and removals come back in a crash. */
  #syncedNames = new Map<string, SimulatedFile>()
  readonly #pending = new Set<PendingWrite>()
  #generation = 0
  #locked = false

  constructor(options: SimulatedDiskOptions) {
    this.#options = options
    this.capacityBytes = options.capacityBytes ?? Infinity
  }

  get usedBytes(): number {
    let used = 0
    for (const { bytes } of this.#files.values()) used += bytes.length
    return used
  }

  get names(): readonly string[] {
    return [...this.#files.keys()]
  }

  /** The contents of a file; changing them changes the disk. */
  contents(name: string): Buffer {
    const file = this.#files.get(name)
    if (file === undefined) throw new Error(`no file ${name}`)
    return file.bytes
  }

  /** A disk of its own with the same synced contents. */
  clone(random: () => number): SimulatedDisk {
    const copy = new SimulatedDisk({ ...this.#options, random })
    for (const [name, { bytes }] of this.#files) copy.#files.set(name, { bytes: Buffer.from(bytes) })
    copy.#syncedNames = new Map(copy.#files)
    return copy
  }

  /** The machine loses power: what is under way is kept or lost sector by sector, and no completion comes any more. */
  crash(): void {
    const { random } = this.#options
    for (const { file, bytes, position } of this.#pending) {
      let at = 0
      while (at < bytes.length) {
        const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES))
        if (random() < 0.5) bytes.copy(file.bytes, position + at, at, end)
        at = end
      }
    }
    this.#pending.clear()
    if (random() < 0.5) {
      this.#files.clear()
      for (const [name, file] of this.#syncedNames) this.#files.set(name, file)
    }
    this.#syncedNames = new Map(this.#files)
    this.#generation++
    this.#locked = false
  }

  /** The folder as one process sees it; nothing it began completes after a crash. */
  files(): StoreFiles {
    const generation = this.#generation
    const step = <T>(work: () => T): Promise<T> =>
      new Promise((resolve, reject) =>
        this.#later(generation, () => {
          try {
            resolve(work())
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)))
          }
        }),
      )
    return {
      folder: '/simulated',
      lock: () =>
        step(() => {
          if (this.#locked) throw new WaybillError('WAYBILL_STORE_IN_USE', '/simulated is open')
          this.#locked = true
          return { release: () => this.#unlock(generation) }
        }),
      list: () => step(() => [...this.#files.keys()]),
      preallocate: (name, size) =>
        step(() => {
          if (this.usedBytes + size > this.capacityBytes) throw new Error('ENOSPC: no space left on device')
          this.#files.set(name, { bytes: Buffer.alloc(size) })
        }),
      open: (name) => step(() => this.#open(generation, this.#file(name))),
      rename: (from, to) =>
        step(() => {
          this.#files.set(to, this.#file(from))
          this.#files.delete(from)
        }),
      remove: (name) => step(() => void this.#files.delete(name)),
      syncFolder: () => step(() => void (this.#syncedNames = new Map(this.#files))),
      freeBytes: () => step(() => Math.max(0, this.capacityBytes - this.usedBytes)),
    }
  }

  #open(generation: number, file: SimulatedFile): StoreFile {
    return {
      size: file.bytes.length,
      write: (bytes, from, length, position, done) =>
        this.#write(generation, file, Buffer.from(bytes.subarray(from, from + length)), position, done),
      read: (into, position) =>
        new Promise((resolve) =>
          this.#later(generation, () => resolve(file.bytes.copy(into, 0, position, position + into.length))),
        ),
      close: () => Promise.resolve(),
    }
  }

  #write(generation: number, file: SimulatedFile, bytes: Buffer, position: number, done: FileDone): void {
    // A process that the crash has ended asks for nothing more.
    if (generation !== this.#generation) return
    const pending: PendingWrite = { file, bytes, position }
    this.#pending.add(pending)
    this.writes++
    const fails = this.failWriteIn > 0 && --this.failWriteIn === 0
    this.#later(generation, () => {
      this.#pending.delete(pending)
      if (fails) {
        done(new Error('EIO: i/o error, write'))
        return
      }
      bytes.copy(file.bytes, position)
      done(undefined)
    })
  }

  #later(generation: number, fn: () => void): void {
    const later = this.#options.later ?? queueMicrotask
    later(() => {
      if (generation === this.#generation) fn()
    })
  }

  #unlock(generation: number): void {
    if (generation === this.#generation) this.#locked = false
  }

  #file(name: string): SimulatedFile {
    const file = this.#files.get(name)
    if (file === undefined) throw new Error(`ENOENT: no such file, ${name}`)
    return file
  }
}
