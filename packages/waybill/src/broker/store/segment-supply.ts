import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Segment } from './segment.ts'
import type { StoreFiles } from './store-files.ts'

export interface SegmentSupplyOptions {
  readonly files: StoreFiles
  readonly runtime: Runtime
  readonly segmentBytes: number
  /** Publishers are held back while less than this is free on the disk. */
  readonly reserveBytes: number
  /** The file of the segment is open: it may be written. */
  readonly ready: (segment: Segment) => void
  readonly blocked: (blocked: boolean, reason: string) => void
  /** Called now and then while blocked: it would help to free segments. */
  readonly starved: () => void
}

/** Files kept for use as the next segments: zeroing new ones takes the disk from publishers, and a burst wants several. */
const MOST_SPARES = 4
const RETRY_MS = 1_000
const SPARE = /^spare-\d+$/

export function isSpare(name: string): boolean {
  return SPARE.test(name)
}

/**
 * Has the next segment's file ready before it is needed: preallocated, or recycled from a segment that has died. Works in
 * the background, one step at a time.
 */
export class SegmentSupply {
  readonly #options: SegmentSupplyOptions
  readonly #spares: string[] = []
  readonly #waiting: Segment[] = []
  #spareNumber = 0
  #work: Promise<void> | undefined
  #retry: Timer | undefined
  #again = false
  #stopped = false
  #blocked = false

  constructor(options: SegmentSupplyOptions) {
    this.#options = options
  }

  get blocked(): boolean {
    return this.#blocked
  }

  /** Finds a file for the segment; `ready` is called when it is open. */
  provide(segment: Segment): void {
    this.#waiting.push(segment)
    this.wake()
  }

  /** Frees the file of a segment that nothing needs. Resolves when the segment is gone for good. */
  async recycle(segment: Segment): Promise<void> {
    const { files, segmentBytes } = this.#options
    await segment.file?.close()
    segment.file = undefined
    const keep = segment.size === segmentBytes && this.#spares.length < MOST_SPARES && !this.#stopped
    const name = this.#newSpareName()
    if (keep) await files.rename(segment.name, name)
    else await files.remove(segment.name)
    await files.syncFolder()
    if (keep) this.#spares.push(name)
    if (this.#blocked) this.wake()
  }

  /** Does what there is to do: serve who waits, have a spare ready, see how full the disk is. */
  wake(): void {
    this.#again = this.#work !== undefined
    if (this.#work !== undefined || this.#stopped) return
    const release = this.#options.runtime.hold('segment supply')
    this.#work = this.#run()
      .catch((error: unknown) => this.#later(error))
      .finally(() => {
        this.#work = undefined
        release()
        // A wake between the last look and the end would be lost.
        if (this.#again) this.wake()
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#retry?.cancel()
    await this.#work
    await Promise.all(this.#spares.map((name) => this.#options.files.remove(name)))
  }

  async #run(): Promise<void> {
    const { files, segmentBytes } = this.#options
    while (!this.#stopped) {
      const segment = this.#waiting[0]
      if (segment !== undefined) {
        const spare = segment.size === segmentBytes ? this.#spares.pop() : undefined
        await files.rename(spare ?? (await this.#allocate(segment.size)), segment.name)
        await files.syncFolder()
        segment.file = await files.open(segment.name)
        this.#waiting.shift()
        this.#options.ready(segment)
      } else {
        await this.#measure(this.#spares.length === 0 ? segmentBytes : 0)
        if (this.#blocked || this.#spares.length > 0) return
        this.#spares.push(await this.#allocate(segmentBytes))
      }
    }
  }

  async #allocate(size: number): Promise<string> {
    const name = this.#newSpareName()
    try {
      await this.#options.files.preallocate(name, size)
    } catch (error) {
      await this.#options.files.remove(name)
      throw error
    }
    return name
  }

  async #measure(needed: number): Promise<void> {
    const { files, reserveBytes } = this.#options
    const free = await files.freeBytes()
    // It takes a little more to begin again than it took to stop, so that the state does not flutter.
    const reserve = this.#blocked ? reserveBytes + reserveBytes / 8 : reserveBytes
    this.#setBlocked(
      free - needed < reserve,
      `${files.folder}: ${free} bytes are free, ${reserveBytes} are kept in reserve`,
    )
  }

  /** No file could be made. That loses nothing: who waits goes on waiting, and publishers are held back. */
  #later(error: unknown): void {
    this.#setBlocked(true, `${this.#options.files.folder}: no new segment: ${String(error)}`)
  }

  #setBlocked(blocked: boolean, reason: string): void {
    if (blocked && !this.#stopped) {
      this.#retry?.cancel()
      this.#retry = this.#options.runtime.setTimer(RETRY_MS, () => {
        this.#options.starved()
        this.wake()
      })
    }
    if (blocked === this.#blocked) return
    this.#blocked = blocked
    this.#options.blocked(blocked, reason)
  }

  #newSpareName(): string {
    return `spare-${++this.#spareNumber}`
  }
}
