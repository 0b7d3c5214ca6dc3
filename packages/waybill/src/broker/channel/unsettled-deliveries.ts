import type { Queue } from '../queue/queue.ts'
import type { Consumer } from './consumer.ts'

/** Deliveries per chunk: about 3 KB, which a channel with few of them can afford. */
const CHUNK = 128

/** What becomes of a delivery. One of a few constants, so that settling makes no closure. */
export type Settle = (queue: Queue, position: number) => void

interface Chunk {
  /** By delivery; `undefined` when it is settled, or never needs to be. */
  readonly queues: (Queue | undefined)[]
  readonly positions: number[]
  /** `undefined` after basic.get. */
  readonly consumers: (Consumer | undefined)[]
  live: number
}

/**
 * The deliveries of a channel that are to be settled, by delivery tag. Tags count up, so a record is found by its number
 * and has no object of its own. One that is never settled keeps a chunk, and not all that came after it.
 */
export class UnsettledDeliveries {
  readonly #settled: (consumer: Consumer | undefined) => void
  readonly #chunks: (Chunk | undefined)[] = []
  /** Number of the first chunk in `#chunks`. */
  #firstChunk = 0
  /** The chunk that was emptied last, for the next one. */
  #spare: Chunk | undefined
  #size = 0

  /** @param settled called after each settlement, with the consumer of the delivery */
  constructor(settled: (consumer: Consumer | undefined) => void) {
    this.#settled = settled
  }

  get size(): number {
    return this.#size
  }

  has(tag: number): boolean {
    return this.#chunks[Math.floor(tag / CHUNK) - this.#firstChunk]?.queues[tag % CHUNK] !== undefined
  }

  /** The tags of all deliveries up to and including `tag`, oldest first. */
  tagsUpTo(tag: number): number[] {
    const tags: number[] = []
    this.#chunks.forEach((chunk, chunkAt) => {
      const start = (this.#firstChunk + chunkAt) * CHUNK
      for (let at = 0; chunk !== undefined && at < CHUNK && start + at <= tag; at++) {
        if (chunk.queues[at] !== undefined) tags.push(start + at)
      }
    })
    return tags
  }

  /** @param tag above all before it */
  add(tag: number, queue: Queue, position: number, consumer: Consumer | undefined): void {
    const number = Math.floor(tag / CHUNK)
    if (this.#chunks.length === 0) this.#firstChunk = number
    const chunkAt = number - this.#firstChunk
    while (this.#chunks.length < chunkAt) this.#chunks.push(undefined)
    const chunk = (this.#chunks[chunkAt] ??= this.#newChunk())
    const at = tag % CHUNK
    chunk.queues[at] = queue
    chunk.positions[at] = position
    chunk.consumers[at] = consumer
    chunk.live++
    this.#size++
  }

  /** Settles one delivery. `false` for a tag that is not unsettled. */
  settle(tag: number, how: Settle): boolean {
    const chunkAt = Math.floor(tag / CHUNK) - this.#firstChunk
    const chunk = this.#chunks[chunkAt]
    if (chunk === undefined || !this.#settleAt(chunk, tag % CHUNK, how)) return false
    if (chunk.live === 0) this.#release(chunkAt)
    return true
  }

  /** Settles all deliveries up to and including `tag`, oldest first. */
  settleUpTo(tag: number, how: Settle): void {
    while (this.#chunks.length > 0) {
      const chunk = this.#chunks[0]
      const start = this.#firstChunk * CHUNK
      if (start > tag) return
      const end = Math.min(CHUNK, tag - start + 1)
      for (let at = 0; chunk !== undefined && at < end && chunk.live > 0; at++) this.#settleAt(chunk, at, how)
      if (chunk !== undefined && chunk.live > 0) return
      this.#release(0)
    }
  }

  #settleAt(chunk: Chunk, at: number, how: Settle): boolean {
    const queue = chunk.queues[at]
    if (queue === undefined) return false
    const consumer = chunk.consumers[at]
    const position = chunk.positions[at] as number // `at` is within the chunk
    chunk.queues[at] = undefined
    chunk.consumers[at] = undefined
    chunk.live--
    this.#size--
    how(queue, position)
    this.#settled(consumer)
    return true
  }

  #release(chunkAt: number): void {
    this.#spare ??= this.#chunks[chunkAt]
    this.#chunks[chunkAt] = undefined
    while (this.#chunks.length > 0 && this.#chunks[0] === undefined) {
      this.#chunks.shift()
      this.#firstChunk++
    }
  }

  #newChunk(): Chunk {
    const spare = this.#spare
    this.#spare = undefined
    return spare ?? { queues: NOTHING.slice(), positions: ZEROS.slice(), consumers: NOTHING.slice(), live: 0 }
  }
}

// Copied, which is many times faster than filling an array.
const NOTHING: readonly undefined[] = Array.from({ length: CHUNK })
const ZEROS: readonly number[] = NOTHING.map(() => 0)
