import { close, constants, open, write } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'

const FILE_BYTES = 32 * 1024 * 1024
const BUFFER_BYTES = 1024 * 1024
const FRAME_BYTES = 8

/**
 * The least that a durable log can be: length, CRC and bytes in one buffer, written asynchronously with O_DSYNC to files
 * of zeros prepared beforehand, one write at a time, while a second buffer fills. It can neither read nor recover.
 */
export class BareLog {
  readonly #folder: string
  readonly #fds: number[]
  readonly #buffers: [Buffer, Buffer] = [Buffer.allocUnsafeSlow(BUFFER_BYTES), Buffer.allocUnsafeSlow(BUFFER_BYTES)]
  #filling = 0
  #filled = 0
  #waiting: (() => void)[] = []
  #writing = false
  #scheduled = false
  #position = 0

  private constructor(folder: string, fds: number[]) {
    this.#folder = folder
    this.#fds = fds
  }

  /** Room for about `bytes` in each run. */
  static async create(folder: string, bytes: number): Promise<BareLog> {
    const fds: number[] = []
    for (let i = 0; i <= bytes / FILE_BYTES + 1; i++) {
      const path = join(folder, `bare-${i}`)
      await writeFile(path, Buffer.alloc(FILE_BYTES), { flush: true })
      fds.push(await promisify(open)(path, constants.O_WRONLY | constants.O_DSYNC))
    }
    return new BareLog(folder, fds)
  }

  rewind(): void {
    this.#position = 0
  }

  append(bytes: Uint8Array, done: () => void): void {
    const buffer = this.#buffers[this.#filling === 0 ? 0 : 1]
    if (this.#filled + FRAME_BYTES + bytes.length > buffer.length) throw new RangeError('too much is outstanding')
    buffer.set(bytes, this.#filled + FRAME_BYTES)
    buffer.writeUInt32LE(bytes.length, this.#filled)
    buffer.writeUInt32LE(
      crc32(buffer.subarray(this.#filled + FRAME_BYTES, this.#filled + FRAME_BYTES + bytes.length)),
      this.#filled + 4,
    )
    this.#filled += FRAME_BYTES + bytes.length
    this.#waiting.push(done)
    this.#wake()
  }

  async destroy(): Promise<void> {
    for (const [i, fd] of this.#fds.entries()) {
      await promisify(close)(fd)
      await rm(join(this.#folder, `bare-${i}`))
    }
  }

  #wake(): void {
    if (this.#scheduled || this.#writing || this.#filled === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#write()
    })
  }

  #write(): void {
    const buffer = this.#buffers[this.#filling === 0 ? 0 : 1]
    const length = this.#filled
    const waiting = this.#waiting
    this.#filling = 1 - this.#filling
    this.#filled = 0
    this.#waiting = []
    this.#writing = true
    if ((this.#position % FILE_BYTES) + length > FILE_BYTES)
      this.#position = Math.ceil(this.#position / FILE_BYTES) * FILE_BYTES
    const fd = this.#fds[Math.floor(this.#position / FILE_BYTES)]
    if (fd === undefined) throw new RangeError('the prepared files are full')
    write(fd, buffer, 0, length, this.#position % FILE_BYTES, (error, written) => {
      if (error !== null || written !== length) throw error ?? new Error('short write')
      this.#writing = false
      this.#position += length
      for (const done of waiting) done()
      this.#wake()
    })
  }
}
