// All that waits in one subscription, by handler: which of it begins next.
import type { Delivery } from '../../transport/transport.ts'
import type { Lane, Run } from './lane.ts'
import type { Quarantine } from './quarantine.ts'
import type { Waiting } from '../limits/waiting.ts'

export interface LanesParts {
  /** One for each handler. */
  readonly handlers: readonly Lane[]
  /** For what no handler knows. */
  readonly unknown: Lane
  readonly laneOf: (delivery: Delivery) => Lane
  readonly quarantine: Quarantine
  readonly onSuspect: (delivery: Delivery) => void
}

export class Lanes {
  readonly #parts: LanesParts
  readonly #lanes: readonly Lane[]
  #ordinal = 0
  /** Milliseconds, as of the last `next`, until time alone lets something begin; Infinity where it does not. */
  waitMs: number = Infinity

  constructor(parts: LanesParts) {
    this.#parts = parts
    this.#lanes = [...parts.handlers, parts.unknown]
  }

  /**
   * Takes it in. A suspect whose handler is paused is not taken: it would lie here until the circuit closes, and be counted
   * with every process that dies meanwhile of something else. How long it is to stay away is the answer, then.
   */
  add(delivery: Delivery, now: number): number | undefined {
    const waiting: Waiting = { delivery, since: now, ordinal: this.#ordinal++ }
    const { quarantine, laneOf, onSuspect } = this.#parts
    const lane = laneOf(delivery)
    if (!quarantine.isSuspect(delivery)) lane.add(waiting)
    else if (lane.isPaused) return lane.limits.circuit?.putOffMs
    else {
      onSuspect(delivery)
      quarantine.add(waiting)
    }
    return undefined
  }

  /**
   * What is to begin now: the oldest that may.
   *
   * @param running runs under way
   * @param isFull no further delivery can come before one here is settled
   */
  next(now: number, running: number, isFull: boolean): Run | undefined {
    const { quarantine } = this.#parts
    this.waitMs = Infinity
    if (!quarantine.isEmpty) {
      const suspect = quarantine.begin(now, running > 0, (waiting) => this.#beginAlone(waiting))
      if (typeof suspect === 'object') return suspect
      if (suspect > 0) {
        this.waitMs = suspect
        return undefined
      }
    }
    let oldest = -1
    for (;;) {
      const lane = this.#nextLane(oldest)
      if (lane === undefined) break
      const run = lane.begin(now, isFull)
      if (typeof run === 'object') return run
      this.waitMs = Math.min(this.waitMs, run)
      oldest = lane.head?.ordinal ?? Infinity
    }
    return undefined
  }

  ended(run: Run, now: number): void {
    this.#parts.quarantine.ended(run, now)
  }

  get isEmpty(): boolean {
    return this.#parts.quarantine.all.length === 0 && this.#lanes.every((lane) => lane.isEmpty)
  }

  /** When the oldest that waits came. */
  get oldestSince(): number {
    return this.#all().reduce((oldest, { since }) => Math.min(oldest, since), Infinity)
  }

  /** Takes out what `isWanted`. */
  take(isWanted: (waiting: Waiting) => boolean): readonly Waiting[] {
    const { quarantine } = this.#parts
    return [...quarantine.remove(isWanted), ...this.#lanes.flatMap((lane) => lane.remove(isWanted))]
  }

  /**
   * Takes out the newer half of what waits for handlers that are held back, so that deliveries for the others can come;
   * nothing where no handler could use the room.
   */
  takeForRoom(now: number): readonly Waiting[] {
    const { handlers } = this.#parts
    const isHeldBack = (lane: Lane): boolean => lane.isBlocked(now) || lane.limits.keyed !== undefined
    if (handlers.every((lane) => lane.isBlocked(now))) return []
    const held = handlers.filter(isHeldBack).flatMap((lane) => lane.all)
    if (held.length === 0) return []
    const newer = new Set(held.toSorted((a, b) => b.ordinal - a.ordinal).slice(0, Math.ceil(held.length / 2)))
    return this.take((waiting) => newer.has(waiting))
  }

  #nextLane(after: number): Lane | undefined {
    let next: Lane | undefined
    let least = Infinity
    for (const lane of this.#lanes) {
      const { head } = lane
      if (head === undefined || head.ordinal <= after || head.ordinal >= least) continue
      next = lane
      least = head.ordinal
    }
    return next
  }

  #beginAlone(waiting: Waiting): Run | undefined {
    return this.#parts.laneOf(waiting.delivery).beginAlone(waiting)
  }

  #all(): readonly Waiting[] {
    return [...this.#parts.quarantine.all, ...this.#lanes.flatMap((lane) => lane.all)]
  }
}
