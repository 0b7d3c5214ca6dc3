// Which lanes of the outbox this relay may send from, and until when.
import { OUTBOX_LANES, type OutboxTable } from '../store/store.ts'

/** A third of the lease: where the database is away for less than two thirds of it, nothing stops. */
const RENEWALS = 3
/** How often who has no lane asks, or has just seen the number of relays change, at most. */
const EAGER_MS = 1_000

/** The lanes of one owner. Time is the monotonic clock's: the lease counts from before it was asked for. */
export class LaneLease {
  readonly #owner: string
  readonly #table: OutboxTable
  readonly #leaseMs: number
  #lanes: readonly number[] = []
  #until = -Infinity
  #renewAt = -Infinity
  #relays = 0
  /** As many relays as the last time. */
  #settled = false

  /** @param leaseMs after which the lanes of a relay that died are free */
  constructor(owner: string, table: OutboxTable, leaseMs: number) {
    this.#owner = owner
    this.#table = table
    this.#leaseMs = leaseMs
  }

  /** What is ours now; none once the lease has run out. */
  lanes(now: number): readonly number[] {
    return now < this.#until ? this.#lanes : []
  }

  /** When to ask again. */
  get renewAt(): number {
    return this.#renewAt
  }

  /** How many lanes are our share now: fewer than we hold where other relays have come. */
  async share(clock: () => number): Promise<number> {
    const owners = await this.#table.countOwners()
    // Who has not claimed anything yet, or not for long, is not counted.
    const relays = Math.max(1, clock() < this.#until ? owners : owners + 1)
    this.#settled = relays === this.#relays
    this.#relays = relays
    return shareOf(relays)
  }

  /**
   * Renews, takes what is free of our share, gives back what is beyond it.
   *
   * @returns whether the lanes are others than before
   */
  async renew(most: number, clock: () => number): Promise<boolean> {
    const before = this.lanes(clock())
    const askedAt = clock()
    const lanes = await this.#table.claimLanes(this.#owner, most, this.#leaseMs)
    this.#until = askedAt + this.#leaseMs
    const isSettled = this.#settled && lanes.length > 0
    this.#renewAt = askedAt + (isSettled ? this.#renewMs : Math.min(EAGER_MS, this.#renewMs))
    const same = lanes.length === before.length && lanes.every((lane) => before.includes(lane))
    this.#lanes = lanes
    return !same
  }

  /** Asks again after so long, or when it must. */
  again(now: number, afterMs: number = EAGER_MS): void {
    this.#renewAt = Math.max(now + 1, Math.min(now + afterMs, this.#renewAt + this.#renewMs))
  }

  get #renewMs(): number {
    return this.#leaseMs / RENEWALS
  }

  /** Gives all back. */
  async release(): Promise<void> {
    this.#lanes = []
    this.#until = -Infinity
    await this.#table.releaseLanes(this.#owner)
  }
}

/** Most lanes of one of so many relays. */
export function shareOf(relays: number): number {
  return Math.ceil(OUTBOX_LANES / Math.max(1, relays))
}
