// Which rows of the outbox are sent when: order per key, refusals, and what is in memory. A state machine without I/O.
import type { OutboxRow } from '../store/store.ts'
import { DISPATCH_LIMITS, type DispatchLimits } from './dispatch-limits.ts'
import { Lines, type Line } from './lines.ts'
import type { RowAnswer, RowChange } from './row-answer.ts'

/** What became of the rows of a look. */
export interface Taken {
  /** In memory now, and not before. */
  readonly accepted: number
  readonly letGo: number
  /** Those of them whose line waits, because the broker has refused a row of it; or that too many such lines leave no room for. */
  readonly heldBack: number
  /** Those of them of which nothing is known here: only a pass over them finds them again. */
  readonly forgotten: number
}

/**
 * Rows come in passes over the table, page by page. A row that may not be sent for a while is let go with everything behind it
 * in its line; a pass that begins before it brings it back. So what is in memory is bounded, and a row that the broker refuses
 * holds back its own line and nothing else.
 *
 * The first page of a pass shows one instant: whatever was committed before one of its rows is in it, too. A row of a later page
 * is not sent before another pass has come as far as it: what that finds before it, is sent before it.
 */
export class Dispatch {
  readonly #limits: DispatchLimits
  readonly #lines = new Lines()
  readonly #inFlight = new Map<bigint, OutboxRow>()
  /** Removed or parked since the look under way began: it may still show them. */
  readonly #gone = new Set<bigint>()
  /** Rows of later pages, with the number of the pass that brought them. */
  readonly #unsure = new Map<bigint, number>()
  #pass = 0
  #lanes: ReadonlySet<number> = new Set()
  #looking = false

  constructor(limits: DispatchLimits = DISPATCH_LIMITS) {
    this.#limits = limits
  }

  get queued(): number {
    return this.#lines.queued
  }
  get inFlight(): number {
    return this.#inFlight.size
  }
  /** Nothing is in memory: what there is, a look would show. */
  get empty(): boolean {
    return this.#lines.known.size === 0
  }
  /** Rows in memory. */
  get known(): number {
    return this.#lines.known.size
  }
  /** A further page would have room. */
  get hasRoom(): boolean {
    return this.#lines.queued < this.#limits.maxQueued / 2 && this.#fits
  }
  get #fits(): boolean {
    return this.#lines.queued < this.#limits.maxQueued && this.#lines.queuedBytes < this.#limits.maxQueuedBytes
  }
  /** How far another pass must come, so that rows of later pages can be sent. */
  get unsureUpTo(): bigint | undefined {
    let most: bigint | undefined
    for (const position of this.#unsure.keys()) if (most === undefined || position > most) most = position
    return most
  }

  /** These lanes are ours from now on. Queued rows of others are forgotten; what is on the way stays so. */
  hold(lanes: readonly number[]): void {
    this.#lanes = new Set(lanes)
    for (const line of this.#lines) {
      if (this.#lanes.has(line.lane)) continue
      this.#letGo(line)
      this.#lines.closeGap(line)
      this.#lines.tidy(line)
    }
  }

  /** A look begins. */
  beginLook(): void {
    this.#looking = true
  }

  /** The look that begins is the first of a pass over what lies behind `from`. */
  beginPass(now: number, from: bigint): void {
    this.#pass++
    for (const line of this.#lines) line.open = this.#isWanted(line, now) && (line.gapFrom ?? from) > from
  }

  /** What the look brought, in the order of positions; `first` for the first page of a pass. */
  take(rows: readonly OutboxRow[], first: boolean, now: number): Taken {
    const taken = { accepted: 0, letGo: 0, heldBack: 0, forgotten: 0 }
    for (const row of rows) {
      if (first) this.#unsure.delete(row.position)
      const { known } = this.#lines
      if (known.has(row.position) || this.#gone.has(row.position) || !this.#lanes.has(row.lane)) continue
      const became = this.#take(row, first, now)
      if (became === 'accepted') taken.accepted++
      else taken.letGo++
      if (became === 'held back' || became === 'forgotten') taken.heldBack++
      if (became === 'forgotten') taken.forgotten++
    }
    this.#looking = false
    this.#gone.clear()
    return taken
  }

  /** Let go for its own line's sake, which has its turn; or held back, which must not hold up those behind it. */
  #take(row: OutboxRow, first: boolean, now: number): 'accepted' | 'let go' | 'held back' | 'forgotten' {
    const { position } = row
    const { maxQueuedPerLine, maxGaps } = this.#limits
    const line = this.#lines.of(row)
    const { queue, inFlight, gapFrom } = line
    if (queue.length === 0 && inFlight === 0 && gapFrom === undefined && this.#lines.gaps >= maxGaps) {
      this.#lines.tidy(line) // nothing of it is known, and so it stays for now
      return 'forgotten'
    }
    const fits = queue.length < maxQueuedPerLine && this.#fits
    // Behind a gap only what a pass brings that began before it: anything else would overtake what is missing.
    if (fits && (gapFrom === undefined || line.open)) {
      this.#lines.add(line, row)
      if (line.open) line.gapFrom = position + 1n
      if (!first) this.#unsure.set(position, this.#pass)
      return 'accepted'
    }
    // Before what is queued, where it comes late: that must not overtake it.
    this.#letGo(line, position)
    this.#lines.openGap(line, position)
    return line.notBefore > now ? 'held back' : 'let go'
  }

  /** The pass ends: it has shown everything up to this position, or all there is. */
  endPass(coveredTo: bigint | 'end'): void {
    for (const [position, pass] of this.#unsure)
      if (pass < this.#pass && (coveredTo === 'end' || position <= coveredTo)) this.#unsure.delete(position)
    for (const line of this.#lines) {
      if (!line.open || line.gapFrom === undefined) continue
      line.open = false
      if (coveredTo === 'end') this.#lines.closeGap(line)
      else if (line.gapFrom <= coveredTo) line.gapFrom = coveredTo + 1n
      this.#lines.tidy(line)
    }
  }

  /** Rows to send now, in this order; they are on the way from here on. */
  next(now: number): readonly OutboxRow[] {
    const rows: OutboxRow[] = []
    const free = (): boolean => this.#inFlight.size < this.#limits.maxInFlight
    for (const line of this.#lines.ready) {
      if (!free()) break
      if (line.notBefore > now) continue
      while (free() && !(line.strict && line.inFlight > 0) && !this.#unsure.has(line.queue[0]?.position ?? -1n)) {
        const row = this.#lines.send(line)
        if (row === undefined) break
        this.#inFlight.set(row.position, row)
        rows.push(row)
      }
    }
    return rows.sort((a, b) => (a.position < b.position ? -1 : 1))
  }

  /** The broker has answered for a row; what is to be written then. */
  answered(position: bigint, answer: RowAnswer, now: number): RowChange | undefined {
    const row = this.#inFlight.get(position)
    if (row === undefined) return undefined
    this.#inFlight.delete(position)
    const line = this.#lines.of(row)
    line.inFlight--
    const change = this.#changeFor(line, row, answer, now)
    this.#lines.tidy(line)
    return change
  }

  /** These are removed, or parked: they need not be known any more. */
  written(positions: readonly bigint[]): void {
    for (const position of positions) {
      this.#lines.known.delete(position)
      if (this.#looking) this.#gone.add(position)
    }
  }

  /** Where a pass must begin to find rows that may be sent now, and are not in memory. */
  passWanted(now: number): bigint | undefined {
    let from: bigint | undefined
    for (const line of this.#lines) {
      const { gapFrom } = line
      if (gapFrom !== undefined && this.#isWanted(line, now) && (from === undefined || gapFrom < from)) from = gapFrom
    }
    return from === undefined ? undefined : from - 1n
  }

  /** A long queue that still grows is read again for nothing: so a line is taken up when little of it is left. */
  #isWanted({ gapFrom, notBefore, queue }: Line, now: number): boolean {
    return gapFrom !== undefined && notBefore <= now && queue.length <= this.#limits.maxQueuedPerLine / 4
  }

  /** The next instant at which a line may go on that waits now; `undefined` where none does. */
  nextDue(now: number): number | undefined {
    let due: number | undefined
    for (const { notBefore, gapFrom, queue } of this.#lines) {
      if (notBefore <= now || (gapFrom === undefined && queue.length === 0)) continue
      if (due === undefined || notBefore < due) due = notBefore
    }
    return due
  }

  #changeFor(line: Line, row: OutboxRow, answer: RowAnswer, now: number): RowChange | undefined {
    const { position } = row
    const { attempts, refusedMs, refusedMaxMs, unknownMs } = this.#limits
    if (answer.outcome !== 'refused' && answer.outcome !== 'unknown') return { change: 'remove', position }
    if (!this.#lanes.has(line.lane)) {
      this.#lines.known.delete(position) // somebody else decides about it by now
      return undefined
    }
    const { error } = answer
    if (answer.outcome === 'unknown') {
      this.#lines.known.delete(position)
      if (line.gapFrom === undefined || position < line.gapFrom) this.#lines.add(line, row)
      else this.#lines.openGap(line, position)
      line.notBefore = Math.max(line.notBefore, now + unknownMs)
      return undefined
    }
    if (row.attempts + 1 >= attempts) return { change: 'park', position, row, error }
    const waitMs = Math.min(refusedMaxMs, refusedMs * 2 ** Math.min(row.attempts, 30))
    line.notBefore = Math.max(line.notBefore, now + waitMs)
    this.#lines.known.delete(position)
    this.#letGo(line)
    this.#lines.openGap(line, position)
    return { change: 'refused', position, row, error }
  }

  #letGo(line: Line, behind?: bigint): void {
    for (const position of this.#lines.letGo(line, behind)) this.#unsure.delete(position)
  }
}
