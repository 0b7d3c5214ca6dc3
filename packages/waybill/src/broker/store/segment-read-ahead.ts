import type { StoreFile, StoreFiles } from './store-files.ts'

/** Reads whole segments one after the other, the next one while the caller works on the last. */
export class SegmentReadAhead {
  readonly #files: StoreFiles
  readonly #names: readonly string[]
  // Two buffers, used in turn: what `next` returned is valid until `next` is called again.
  readonly #buffers: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  #position = 0
  #ahead: Promise<Buffer> | undefined

  constructor(files: StoreFiles, names: readonly string[]) {
    this.#files = files
    this.#names = names
  }

  /** The contents of the next segment. May be called once for each name. */
  async next(): Promise<Buffer> {
    const position = this.#position++
    const name = this.#names[position]
    if (name === undefined) throw new RangeError('there are no more segments')
    const bytes = await (this.#ahead ?? this.#read(await this.#files.open(name), position))
    const following = this.#names[this.#position]
    // Opened here, and not within the reading: what the caller does next leaves the event loop no turn to go on with it.
    this.#ahead = following === undefined ? undefined : this.#read(await this.#files.open(following), this.#position)
    // Its failure is the answer of the next call; the handler here keeps Node from calling it unhandled meanwhile.
    this.#ahead?.catch(() => undefined)
    return bytes
  }

  async #read(file: StoreFile, position: number): Promise<Buffer> {
    const which = position % 2 === 0 ? 0 : 1
    try {
      if (this.#buffers[which].length < file.size) this.#buffers[which] = Buffer.allocUnsafeSlow(file.size)
      const bytes = this.#buffers[which].subarray(0, file.size)
      return bytes.subarray(0, await file.read(bytes, 0))
    } finally {
      await file.close()
    }
  }
}
