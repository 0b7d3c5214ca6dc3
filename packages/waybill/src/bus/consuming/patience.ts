import type { Delivery } from '../../transport/transport.ts'
import type { Lanes } from './lanes.ts'
import { awayForRoomMs } from './put-off.ts'

/** How often room is made for handlers that could go on, beside those that are held back. */
const ROOM_EVERY_MS = 50

/** What waits in a subscription and is better put off: it has waited for too long, or is in the way of others. */
export class Patience {
  readonly #lanes: Lanes
  readonly #waitsAtMostMs: number
  readonly #putOff: (delivery: Delivery, afterMs: number) => void
  #roomAt = -Infinity
  /** Nothing that waits is too old before. */
  #oldAt = -Infinity

  /** @param waitsAtMostMs Infinity where the engine takes nothing back by itself */
  constructor(lanes: Lanes, waitsAtMostMs: number, putOff: (delivery: Delivery, afterMs: number) => void) {
    this.#lanes = lanes
    this.#waitsAtMostMs = waitsAtMostMs
    this.#putOff = putOff
  }

  /** Puts off what has waited too long; answers in how many milliseconds to look again. */
  putOffOld(now: number): number {
    if (!Number.isFinite(this.#waitsAtMostMs) || this.#lanes.isEmpty) return Infinity
    if (now < this.#oldAt) return this.#oldAt - now
    const oldest = now - this.#waitsAtMostMs
    for (const { delivery } of this.#lanes.take(({ since }) => since <= oldest)) this.#putOff(delivery, 0)
    // What comes after this look is not older than it.
    this.#oldAt = Math.min(now, this.#lanes.oldestSince) + this.#waitsAtMostMs
    return this.#oldAt - now
  }

  /**
   * Where slots are free and nothing more can come: lets those go for whom it is not their turn. Answers in how many
   * milliseconds to look again.
   */
  makeRoom(now: number): number {
    if (now < this.#roomAt + ROOM_EVERY_MS) return this.#roomAt + ROOM_EVERY_MS - now
    const leaving = this.#lanes.takeForRoom(now)
    if (leaving.length === 0) return Infinity
    this.#roomAt = now
    for (const { delivery } of leaving) this.#putOff(delivery, awayForRoomMs(delivery.message))
    return ROOM_EVERY_MS
  }
}
