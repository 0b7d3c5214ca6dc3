// Where each live message is and which queues still hold it, in typed arrays: no object per message.
//
// A message for n queues takes n consecutive sequence numbers, one slot each, of which the first is its name. The slot
// of its name has the location; every slot has one holding: a queue and how often it delivered the message.

const CHUNK_BITS = 10
const CHUNK_SLOTS = 1 << CHUNK_BITS
const SLOT_MASK = CHUNK_SLOTS - 1
const NO_QUEUE = 0xffff_ffff
const MOST_DELIVERIES = 0xffff
/** A message can be held by at most this many queues. */
export const MOST_QUEUES = 0xffff

class Chunk {
  // One buffer for all of them, as there are very many chunks.
  readonly #bytes = new ArrayBuffer(CHUNK_SLOTS * (4 * 4 + 3 * 2))
  readonly segment: Uint32Array = new Uint32Array(this.#bytes, 0, CHUNK_SLOTS)
  readonly offset: Uint32Array = new Uint32Array(this.#bytes, CHUNK_SLOTS * 4, CHUNK_SLOTS)
  /** Of the record, header and padding included; 0 in slots that are no live message's name. */
  readonly length: Uint32Array = new Uint32Array(this.#bytes, CHUNK_SLOTS * 8, CHUNK_SLOTS)
  readonly queue: Uint32Array = new Uint32Array(this.#bytes, CHUNK_SLOTS * 12, CHUNK_SLOTS).fill(NO_QUEUE)
  readonly slots: Uint16Array = new Uint16Array(this.#bytes, CHUNK_SLOTS * 16, CHUNK_SLOTS)
  readonly holders: Uint16Array = new Uint16Array(this.#bytes, CHUNK_SLOTS * 18, CHUNK_SLOTS)
  readonly deliveries: Uint16Array = new Uint16Array(this.#bytes, CHUNK_SLOTS * 20, CHUNK_SLOTS)
  /** Names and holdings in use; the chunk goes with the last. */
  used = 0
}

export class MessageIndex {
  /** Set by `locate`. */
  segment = 0
  offset = 0
  length = 0
  /** Messages held by at least one queue. */
  live = 0
  readonly #chunks = new Map<number, Chunk>()
  // The chunk used last: sequences come in runs.
  #lastNumber = -1
  #last: Chunk | undefined

  /** Adds a message, or replaces what is known of it. */
  put(sequence: number, queues: readonly number[], segment: number, offset: number, length: number): void {
    this.remove(sequence)
    const chunk = this.#chunkForWriting(sequence)
    const slot = sequence & SLOT_MASK
    chunk.segment[slot] = segment
    chunk.offset[slot] = offset
    chunk.length[slot] = length
    chunk.slots[slot] = queues.length
    chunk.holders[slot] = queues.length
    chunk.used++
    this.live++
    for (let i = 0; i < queues.length; i++) {
      const holding = this.#chunkForWriting(sequence + i)
      // The loop keeps i below the length.
      holding.queue[(sequence + i) & SLOT_MASK] = queues[i] as number
      holding.deliveries[(sequence + i) & SLOT_MASK] = 0
      holding.used++
    }
  }

  /** `put` for one queue, which nearly all messages have. */
  putOne(sequence: number, queue: number, segment: number, offset: number, length: number): void {
    let chunk = this.#chunkForWriting(sequence)
    const slot = sequence & SLOT_MASK
    if (chunk.length[slot] !== 0) {
      this.remove(sequence)
      chunk = this.#chunkForWriting(sequence)
    }
    chunk.segment[slot] = segment
    chunk.offset[slot] = offset
    chunk.length[slot] = length
    chunk.slots[slot] = 1
    chunk.holders[slot] = 1
    chunk.queue[slot] = queue
    chunk.deliveries[slot] = 0
    chunk.used += 2
    this.live++
  }

  /** Sets `segment`, `offset` and `length` to the place of a live message; false when there is none. */
  locate(sequence: number): boolean {
    const chunk = this.#chunk(sequence)
    const slot = sequence & SLOT_MASK
    const length = chunk?.length[slot] ?? 0
    if (chunk === undefined || length === 0) return false
    this.length = length
    // Typed arrays of CHUNK_SLOTS entries, and the mask keeps slot below that.
    this.segment = chunk.segment[slot] as number
    this.offset = chunk.offset[slot] as number
    return true
  }

  relocate(sequence: number, segment: number, offset: number, length: number): void {
    const chunk = this.#chunkForWriting(sequence)
    chunk.segment[sequence & SLOT_MASK] = segment
    chunk.offset[sequence & SLOT_MASK] = offset
    chunk.length[sequence & SLOT_MASK] = length
  }

  holds(queue: number, sequence: number): boolean {
    return this.#holding(queue, sequence) !== -1
  }

  /** Forgets the message for one queue. True when that was its last one: it is no longer live. */
  settle(queue: number, sequence: number): boolean {
    const holding = this.#holding(queue, sequence)
    if (holding === -1) return false
    const chunk = this.#chunkForWriting(sequence)
    const slot = sequence & SLOT_MASK
    this.#release(holding)
    const left = (chunk.holders[slot] ?? 1) - 1
    chunk.holders[slot] = left
    if (left > 0) return false
    this.#forget(sequence, chunk)
    return true
  }

  /** Removes a message with all its holdings, if it is there. */
  remove(sequence: number): void {
    const chunk = this.#chunk(sequence)
    const slot = sequence & SLOT_MASK
    if (chunk === undefined || (chunk.length[slot] ?? 0) === 0) return
    const slots = chunk.slots[slot] ?? 0
    for (let i = 0; i < slots; i++) {
      if ((this.#chunk(sequence + i)?.queue[(sequence + i) & SLOT_MASK] ?? NO_QUEUE) !== NO_QUEUE)
        this.#release(sequence + i)
    }
    this.#forget(sequence, chunk)
  }

  deliveries(queue: number, sequence: number): number {
    const holding = this.#holding(queue, sequence)
    return holding === -1 ? 0 : (this.#chunk(holding)?.deliveries[holding & SLOT_MASK] ?? 0)
  }

  setDeliveries(queue: number, sequence: number, count: number): void {
    const holding = this.#holding(queue, sequence)
    if (holding !== -1)
      this.#chunkForWriting(holding).deliveries[holding & SLOT_MASK] = Math.min(count, MOST_DELIVERIES)
  }

  /** Calls `visit` for each holding of a live message. */
  forEachHolding(sequence: number, visit: (queue: number, deliveries: number) => void): void {
    const slots = this.#chunk(sequence)?.slots[sequence & SLOT_MASK] ?? 0
    for (let i = 0; i < slots; i++) {
      const chunk = this.#chunk(sequence + i)
      const queue = chunk?.queue[(sequence + i) & SLOT_MASK] ?? NO_QUEUE
      if (queue !== NO_QUEUE) visit(queue, chunk?.deliveries[(sequence + i) & SLOT_MASK] ?? 0)
    }
  }

  /** Calls `visit` for each holding of each live message, in order of sequence. */
  forEach(visit: (queue: number, sequence: number, deliveries: number) => void): void {
    for (const number of [...this.#chunks.keys()].toSorted((a, b) => a - b)) {
      const chunk = this.#chunks.get(number)
      if (chunk === undefined) continue
      for (let slot = 0; slot < CHUNK_SLOTS; slot++) {
        if (chunk.length[slot] === 0) continue
        const sequence = number * CHUNK_SLOTS + slot
        // Nearly all are for one queue.
        if (chunk.slots[slot] === 1) visit(chunk.queue[slot] as number, sequence, chunk.deliveries[slot] as number)
        else this.forEachHolding(sequence, (queue, deliveries) => visit(queue, sequence, deliveries))
      }
    }
  }

  #holding(queue: number, sequence: number): number {
    const chunk = this.#chunk(sequence)
    const slot = sequence & SLOT_MASK
    if (chunk === undefined || chunk.length[slot] === 0) return -1
    const slots = chunk.slots[slot] ?? 0
    for (let i = 0; i < slots; i++)
      if (this.#chunk(sequence + i)?.queue[(sequence + i) & SLOT_MASK] === queue) return sequence + i
    return -1
  }

  #release(holding: number): void {
    const chunk = this.#chunkForWriting(holding)
    chunk.queue[holding & SLOT_MASK] = NO_QUEUE
    this.#unuse(holding, chunk)
  }

  #forget(sequence: number, chunk: Chunk): void {
    const slot = sequence & SLOT_MASK
    chunk.length[slot] = 0
    chunk.slots[slot] = 0
    this.live--
    this.#unuse(sequence, chunk)
  }

  #unuse(sequence: number, chunk: Chunk): void {
    chunk.used--
    if (chunk.used > 0) return
    const number = Math.floor(sequence / CHUNK_SLOTS)
    this.#chunks.delete(number)
    if (this.#lastNumber === number) this.#lastNumber = -1
  }

  #chunk(sequence: number): Chunk | undefined {
    const number = Math.floor(sequence / CHUNK_SLOTS)
    if (number === this.#lastNumber) return this.#last
    const chunk = this.#chunks.get(number)
    if (chunk === undefined) return undefined
    this.#lastNumber = number
    this.#last = chunk
    return chunk
  }

  #chunkForWriting(sequence: number): Chunk {
    const found = this.#chunk(sequence)
    if (found !== undefined) return found
    const chunk = new Chunk()
    this.#chunks.set(Math.floor(sequence / CHUNK_SLOTS), chunk)
    return chunk
  }
}
