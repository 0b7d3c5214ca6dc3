// Rows in memory by what keeps their order, and where rows of it were let go. Without I/O.
import type { OutboxRow } from '../store/store.ts'

/** The rows of one key and channel, or a single row without a key. */
export interface Line {
  readonly name: string
  readonly lane: number
  /** At most one of it on the way: its channel keeps order, which a refusal between two on the way would break. */
  readonly strict: boolean
  /** By position. */
  readonly queue: OutboxRow[]
  inFlight: number
  /** From here on its rows were let go: none of them is sent before a pass has brought all before it. */
  gapFrom: bigint | undefined
  /** The pass under way brings its rows back. */
  open: boolean
  notBefore: number
}

/** Every line of which a row is in memory, on the way, or was let go. */
export class Lines {
  readonly #lines = new Map<string, Line>()
  /** Those with rows in their queues. */
  readonly ready: Set<Line> = new Set()
  /** In memory, by position: queued, on the way, or stored and not removed yet. */
  readonly known: Set<bigint> = new Set()
  #queued = 0
  #queuedBytes = 0
  #gaps = 0

  get queued(): number {
    return this.#queued
  }
  get queuedBytes(): number {
    return this.#queuedBytes
  }
  /** Lines of which rows were let go. */
  get gaps(): number {
    return this.#gaps
  }
  [Symbol.iterator](): Iterator<Line> {
    return this.#lines.values()
  }

  of(row: OutboxRow): Line {
    const name = lineName(row)
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const strict = 'shards' in row.to && row.to.shards > 1
    const state = { queue: [], inFlight: 0, gapFrom: undefined, open: false, notBefore: -Infinity }
    const line: Line = { name, lane: row.lane, strict, ...state }
    this.#lines.set(name, line)
    return line
  }

  /** In its place by position. */
  add(line: Line, row: OutboxRow): void {
    let at = line.queue.length
    while (at > 0 && (line.queue[at - 1]?.position ?? 0n) > row.position) at--
    line.queue.splice(at, 0, row)
    this.ready.add(line)
    this.known.add(row.position)
    this.#queued++
    this.#queuedBytes += row.message.body.byteLength
  }

  /** Its first row is on the way. */
  send(line: Line): OutboxRow | undefined {
    const row = line.queue.shift()
    if (row === undefined) return undefined
    line.inFlight++
    this.#left(row)
    if (line.queue.length === 0) this.ready.delete(line)
    return row
  }

  /** Forgets what is queued behind `position`: a pass will bring it back. @returns what it was */
  letGo(line: Line, position = -1n): readonly bigint[] {
    const gone: bigint[] = []
    while ((line.queue.at(-1)?.position ?? -1n) > position) {
      const row = line.queue.pop()
      if (row === undefined) break
      gone.push(row.position)
      this.known.delete(row.position)
      this.#left(row)
      this.openGap(line, row.position)
    }
    if (line.queue.length === 0) this.ready.delete(line)
    return gone
  }

  /** A row at this position was let go. */
  openGap(line: Line, position: bigint): void {
    line.open = false
    if (line.gapFrom === undefined) this.#gaps++
    if (line.gapFrom === undefined || position < line.gapFrom) line.gapFrom = position
  }

  closeGap(line: Line): void {
    if (line.gapFrom !== undefined) this.#gaps--
    line.gapFrom = undefined
    line.open = false
  }

  /** Forgets the line where nothing is known of it. */
  tidy({ name, queue, inFlight, gapFrom }: Line): void {
    if (queue.length === 0 && inFlight === 0 && gapFrom === undefined) this.#lines.delete(name)
  }

  #left({ message }: OutboxRow): void {
    this.#queued--
    this.#queuedBytes -= message.body.byteLength
  }
}

/** What it is known by which rows it keeps its order with. */
interface RowInLine extends Pick<OutboxRow, 'to' | 'position'> {
  readonly message: Pick<OutboxRow['message'], 'key'>
}

/** Rows that keep their order among themselves have one name. */
export function lineName({ message, to, position }: RowInLine): string {
  if (message.key === undefined || to.kind === 'address') return `#${position}`
  return `${to.name} ${message.key}`
}
