import type { Runtime } from '../../runtime/runtime.ts'
import { Evacuation } from './evacuation.ts'
import type { LogState } from './log-state.ts'
import type { LogTail } from './log-tail.ts'
import { RECORD } from './record.ts'
import type { Segment } from './segment.ts'
import type { StoreFiles } from './store-files.ts'

/** Disk that dead records may take before living ones are moved to free it, in segments. */
const SLACK_SEGMENTS = 4

export interface ReclaimerOptions {
  readonly files: StoreFiles
  readonly runtime: Runtime
  readonly state: LogState
  readonly tail: LogTail
  readonly segmentBytes: number
  readonly flush: () => Promise<void>
  /** No read of the segment is under way, and none will be. */
  readonly forget: (segment: Segment) => Promise<void>
  /** Gives the file back; resolves when that is durable. */
  readonly recycle: (segment: Segment) => Promise<void>
  readonly blocked: () => boolean
  readonly damaged: (error: Error) => void
}

/**
 * Frees segments. One in which nothing is needed goes at once. When more than half of the log is dead, and some slack,
 * the segment with the least needed in it is evacuated: what is needed is written again at the end of the log. So the
 * log takes at most about twice what lives in it, and no single old message keeps the rest of its segment.
 *
 * A segment is retired in this order: everything needed is synced elsewhere, the record that retires it is synced, its
 * file is gone for good; only then do other segments stop to care for what was in it.
 */
export class Reclaimer {
  readonly #options: ReclaimerOptions
  /** Segments with a bad record in them: kept as they are. */
  readonly #spoilt = new Set<Segment>()
  #work: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(options: ReclaimerOptions) {
    this.#options = options
  }

  wake(): void {
    this.#again = this.#work !== undefined
    if (this.#work !== undefined || this.#stopped) return
    const release = this.#options.runtime.hold('segment reclaiming')
    this.#work = this.#run().finally(() => {
      this.#work = undefined
      release()
      // A wake between the last look and the end would be lost.
      if (this.#again) this.wake()
    })
  }

  /** Ends at the next step; resolves when it has. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#work
  }

  async #run(): Promise<void> {
    // Wait for the end of the turn: a wake comes from the midst of an append.
    await Promise.resolve()
    try {
      await this.#removeLeftovers()
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        if (next.neededBytes > 0 && !(await this.#evacuate(next))) continue
        await this.#retire(next)
      }
    } catch (error) {
      // A closing or failed log ends the work; a full or failing disk is met again by the next wake.
      if (!this.#stopped) this.#options.damaged(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** The segment to free next, if there is one that is worth it. */
  #next(): Segment | undefined {
    if (this.#stopped) return undefined
    let [size, needed] = [0, 0]
    let best: Segment | undefined
    for (const segment of this.#options.state.segments.values()) {
      if (segment.state !== 'sealed' || segment.shadows.size > 0 || this.#spoilt.has(segment)) continue
      if (segment.neededBytes === 0) return segment
      size += segment.end
      needed += segment.neededBytes
      if (best === undefined || segment.neededBytes / segment.end < best.neededBytes / best.end) best = segment
    }
    const slack = this.#options.blocked() ? 0 : SLACK_SEGMENTS * this.#options.segmentBytes
    return size > 2 * needed + slack ? best : undefined
  }

  async #evacuate(segment: Segment): Promise<boolean> {
    await this.#options.flush()
    const evacuation = new Evacuation(segment, this.#options)
    const error = await evacuation.run(() => this.#stopped)
    if (error !== undefined) {
      this.#spoilt.add(segment)
      this.#options.damaged(error)
    }
    return error === undefined && !this.#stopped
  }

  async #retire(segment: Segment): Promise<void> {
    const { tail, forget, recycle } = this.#options
    await new Promise<void>((resolve, reject) => {
      tail.reserve(4)
      tail.bytes.writeUInt32LE(segment.number, tail.payload)
      tail.commit(RECORD.retire, (error) => (error === undefined ? resolve() : reject(error)))
      segment.state = 'retired'
    })
    await forget(segment)
    await recycle(segment)
    this.#gone(segment)
  }

  /** Files of segments that were retired before the process ended. */
  async #removeLeftovers(): Promise<void> {
    for (const segment of this.#options.state.segments.values()) {
      if (segment.state !== 'retired') continue
      await this.#options.recycle(segment)
      this.#gone(segment)
    }
  }

  #gone(segment: Segment): void {
    const { segments } = this.#options.state
    segment.state = 'gone'
    segments.delete(segment.number)
    for (const other of segments.values()) {
      other.supersedes.delete(segment)
      other.shadows.delete(segment)
    }
  }
}
