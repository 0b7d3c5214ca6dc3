import type { Message } from '../message.ts'

/** Where a message of a queue is in its life there. Absent: settled. */
const GONE = 0
const READY = 1
const UNSETTLED = 2

/** Handed out by this process, or perhaps by one that ended without closing the log. */
const HANDED_OUT = 1
const SUSPECT = 2

/** Messages per chunk: about 12 KB of numbers, which is nothing to a queue of many. */
const CHUNK = 1_024
/** A chunk begins with room for so many, as thousands of queues have hardly any. */
const FIRST_ROOM = 16
/** An emptied queue keeps a chunk with room for so many. */
const KEPT_ROOM = 64

interface Chunk {
  /** Messages that have room in the arrays below. */
  room: number
  state: Uint8Array
  /** The log's number of the message; 0 when it is in memory alone. */
  sequence: Float64Array
  /** How often it was handed out. Stays at the largest 16-bit number. */
  deliveries: Uint16Array
  /** `HANDED_OUT` or `SUSPECT`: the last delivery is not in the log yet, and must be before the next. */
  uncounted: Uint8Array
  /** When it expires; made when the first message that does arrives. */
  deadline: Float64Array | undefined
  /** Bytes of each; made when the queue limits them. */
  size: Uint32Array | undefined
  /** Those messages that are in memory. */
  messages: (Message | undefined)[] | undefined
  ready: number
  live: number
}

const MAX_DELIVERIES = 0xffff
/** Copied for each chunk, which is many times faster than filling an array. */
const NO_MESSAGES: readonly (Message | undefined)[] = Array.from({ length: CHUNK })

/**
 * The messages of one queue in order of arrival, as numbers: about 12 bytes each. A position is a message's place in the
 * queue for life, so that one that comes back is ready again at its old place, before everything younger.
 */
export class MessageIndex {
  readonly #chunks: (Chunk | undefined)[] = []
  /** Number of the first chunk in `#chunks`. */
  #firstChunk = 0
  #end = 0
  /** No ready message has a lower position. */
  #head = 0
  #ready = 0
  #unsettled = 0

  get ready(): number {
    return this.#ready
  }

  get unsettled(): number {
    return this.#unsettled
  }

  /** Messages that there is room for now, 12 bytes each. */
  get room(): number {
    return this.#chunks.reduce((sum, chunk) => sum + (chunk?.room ?? 0), 0)
  }

  /** Adds a ready message at the end and returns its position. */
  append(sequence: number, message: Message | undefined, deadline: number, size: number): number {
    const position = this.#end++
    const chunkAt = Math.floor(position / CHUNK) - this.#firstChunk
    const at = position % CHUNK
    let chunk = this.#chunks[chunkAt]
    if (chunk === undefined) this.#chunks[chunkAt] = chunk = newChunk(this.#size < CHUNK / 2 ? FIRST_ROOM : CHUNK)
    while (at >= chunk.room) grow(chunk)
    chunk.state[at] = READY
    chunk.sequence[at] = sequence
    if (deadline !== Infinity) deadlinesOf(chunk)[at] = deadline
    if (size > 0) (chunk.size ??= new Uint32Array(chunk.room))[at] = size
    if (message !== undefined) (chunk.messages ??= NO_MESSAGES.slice(0, chunk.room))[at] = message
    chunk.ready++
    chunk.live++
    this.#ready++
    return position
  }

  /** The first ready position at or after `from`, or -1. */
  nextReady(from = 0): number {
    let position = Math.max(from, this.#head)
    while (position < this.#end) {
      const chunk = this.#chunks[Math.floor(position / CHUNK) - this.#firstChunk]
      const at = position % CHUNK
      const found = chunk === undefined || chunk.ready === 0 ? -1 : firstReady(chunk.state, at)
      if (found !== -1) {
        position += found - at
        if (from <= this.#head) this.#head = position
        return position
      }
      position += CHUNK - at
    }
    if (from <= this.#head) this.#head = this.#end
    return -1
  }

  /** Hands out a ready message; returns how often it has been handed out now. */
  take(position: number): number {
    const chunk = this.#chunkOf(position)
    const at = position % CHUNK
    chunk.state[at] = UNSETTLED
    chunk.ready--
    this.#ready--
    this.#unsettled++
    const deliveries = Math.min(MAX_DELIVERIES, at16(chunk.deliveries, at) + 1)
    chunk.deliveries[at] = deliveries
    return deliveries
  }

  /** Takes a ready message out of the line without handing it to anybody. */
  withhold(position: number): void {
    const chunk = this.#chunkOf(position)
    chunk.state[position % CHUNK] = UNSETTLED
    chunk.ready--
    this.#ready--
    this.#unsettled++
  }

  /** Makes an unsettled message ready again. `false` when it is not unsettled. */
  putBack(position: number): boolean {
    const chunk = this.#chunks[Math.floor(position / CHUNK) - this.#firstChunk]
    const at = position % CHUNK
    if (chunk === undefined || chunk.state[at] !== UNSETTLED) return false
    chunk.state[at] = READY
    chunk.uncounted[at] = HANDED_OUT
    chunk.ready++
    this.#unsettled--
    this.#ready++
    if (position < this.#head) this.#head = position
    return true
  }

  /** Forgets a message, ready or unsettled. `false` when it is gone already. */
  remove(position: number): boolean {
    const chunkAt = Math.floor(position / CHUNK) - this.#firstChunk
    const chunk = this.#chunks[chunkAt]
    const at = position % CHUNK
    if (chunk === undefined || chunk.state[at] === GONE) return false
    if (chunk.state[at] === READY) {
      chunk.ready--
      this.#ready--
    } else this.#unsettled--
    chunk.state[at] = GONE
    if (chunk.messages !== undefined) chunk.messages[at] = undefined
    chunk.live--
    if (chunk.live === 0) this.#release(chunkAt)
    return true
  }

  isLive(position: number): boolean {
    const chunk = this.#chunks[Math.floor(position / CHUNK) - this.#firstChunk]
    return chunk !== undefined && chunk.state[position % CHUNK] !== GONE
  }

  /** The first live position at or after `from`, or -1. */
  nextLive(from: number): number {
    for (let position = Math.max(from, this.#firstChunk * CHUNK); position < this.#end; position++) {
      const chunk = this.#chunks[Math.floor(position / CHUNK) - this.#firstChunk]
      if (chunk === undefined || chunk.live === 0) position += CHUNK - (position % CHUNK) - 1
      else if (chunk.state[position % CHUNK] !== GONE) return position
    }
    return -1
  }

  isReady(position: number): boolean {
    return this.#chunks[Math.floor(position / CHUNK) - this.#firstChunk]?.state[position % CHUNK] === READY
  }

  /** The readings below are of a live position. */
  sequence(position: number): number {
    return this.#chunkOf(position).sequence[position % CHUNK] as number // within the chunk
  }

  deliveries(position: number): number {
    return at16(this.#chunkOf(position).deliveries, position % CHUNK)
  }

  isUncounted(position: number): boolean {
    return this.#chunkOf(position).uncounted[position % CHUNK] !== 0
  }

  /** The ready messages that this process handed out and that came back since they were last counted. */
  returned(): readonly number[] {
    const positions: number[] = []
    this.#chunks.forEach((chunk, chunkAt) => {
      if (chunk === undefined || chunk.ready === 0) return
      for (let at = chunk.uncounted.indexOf(HANDED_OUT); at !== -1; at = chunk.uncounted.indexOf(HANDED_OUT, at + 1)) {
        if (chunk.state[at] === READY) positions.push((this.#firstChunk + chunkAt) * CHUNK + at)
      }
    })
    return positions
  }

  deadline(position: number): number {
    return this.#chunkOf(position).deadline?.[position % CHUNK] ?? Infinity
  }

  size(position: number): number {
    return this.#chunkOf(position).size?.[position % CHUNK] ?? 0
  }

  message(position: number): Message | undefined {
    return (this.#chunkOf(position).messages ?? NO_MESSAGES)[position % CHUNK]
  }

  setMessage(position: number, message: Message | undefined): void {
    const chunk = this.#chunkOf(position)
    if (message !== undefined) chunk.messages ??= NO_MESSAGES.slice(0, chunk.room)
    if (chunk.messages !== undefined) chunk.messages[position % CHUNK] = message
  }

  setDeadline(position: number, deadline: number): void {
    const chunk = this.#chunkOf(position)
    deadlinesOf(chunk)[position % CHUNK] = deadline
  }

  /** The last delivery is in the log. */
  counted(position: number): void {
    this.#chunkOf(position).uncounted[position % CHUNK] = 0
  }

  /** As the log had it; with `suspect`, the last of the deliveries is only a possible one. */
  setDeliveries(position: number, deliveries: number, suspect: boolean): void {
    const chunk = this.#chunkOf(position)
    chunk.deliveries[position % CHUNK] = Math.min(MAX_DELIVERIES, deliveries)
    chunk.uncounted[position % CHUNK] = suspect ? SUSPECT : 0
  }

  #chunkOf(position: number): Chunk {
    return this.#chunks[Math.floor(position / CHUNK) - this.#firstChunk] as Chunk // a live position has a chunk
  }

  get #size(): number {
    return this.#ready + this.#unsettled
  }

  /** Lets go of an emptied chunk. The one that is being filled stays, unless it has grown and the queue is empty. */
  #release(chunkAt: number): void {
    const following = (this.#firstChunk + chunkAt + 1) * CHUNK
    if (this.#end < following) {
      if (this.#size > 0 || (this.#chunks[chunkAt]?.room ?? 0) <= KEPT_ROOM) return
      this.#end = following
    }
    this.#chunks[chunkAt] = undefined
    while (this.#chunks.length > 0 && this.#chunks[0] === undefined) {
      this.#chunks.shift()
      this.#firstChunk++
    }
  }
}

/** Mostly the very next one. */
function firstReady(state: Uint8Array, from: number): number {
  return state[from] === READY ? from : state.indexOf(READY, from)
}

function newChunk(room: number): Chunk {
  return {
    room,
    state: new Uint8Array(room),
    sequence: new Float64Array(room),
    deliveries: new Uint16Array(room),
    uncounted: new Uint8Array(room),
    deadline: undefined,
    size: undefined,
    messages: undefined,
    ready: 0,
    live: 0,
  }
}

/** Twice the room. */
function grow(chunk: Chunk): void {
  const { state, sequence, deliveries, uncounted, deadline, size, messages } = chunk
  const { room } = chunk
  chunk.room = room * 2
  chunk.state = copied(state, new Uint8Array(chunk.room))
  chunk.sequence = copied(sequence, new Float64Array(chunk.room))
  chunk.deliveries = copied(deliveries, new Uint16Array(chunk.room))
  chunk.uncounted = copied(uncounted, new Uint8Array(chunk.room))
  if (deadline !== undefined) chunk.deadline = copied(deadline, new Float64Array(chunk.room).fill(Infinity))
  if (size !== undefined) chunk.size = copied(size, new Uint32Array(chunk.room))
  if (messages !== undefined) chunk.messages = [...messages, ...NO_MESSAGES.slice(0, room)]
}

function copied<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}

function deadlinesOf(chunk: Chunk): Float64Array {
  return (chunk.deadline ??= new Float64Array(chunk.room).fill(Infinity))
}

function at16(numbers: Uint16Array, at: number): number {
  return numbers[at] as number // callers stay within the chunk
}
