// Where a look at a queue begins. While some transaction of the database holds an old snapshot, vacuum removes no row that was
// deleted since, and a look from the beginning passes over all of them. So there are three places to begin:
//
//   the front   behind what was read last, nearly always
//   the water   the lowest id that was there some seconds ago: for what was committed behind the front, since transactions do
//               not commit in the order of their ids, and for what another member gave back. It may take a tenth of the time
//   0           for what commits later than that, now and then
const SETTLES_AFTER_MS = 5_000
const SWEEP_EVERY_MS = 15_000
const WATER_EVERY_MS = 200
/** After a look that took so long, as many times that until the next. */
const SHARE = 10

export class LowWater {
  #front = 0
  #low = 0
  #candidate: number | undefined
  #seenAt = 0
  #sweptAt: number
  #waterAt = -Infinity
  #waterTookMs = 0

  constructor(now: number) {
    this.#sweptAt = now
  }

  get front(): number {
    return this.#front
  }

  /** The lowest id that may be there. */
  get low(): number {
    return this.#low
  }

  /** All ids up to this one were read, as far as they could be seen. */
  read(id: number): void {
    this.#front = Math.max(this.#front, id + 1)
  }

  /** In how many ms a look from the water is allowed; 0: now. */
  waterIn(now: number): number {
    return Math.max(0, this.#waterAt + SHARE * this.#waterTookMs - now)
  }

  /** Messages come all the time, and the front alone was looked at for long. */
  isWaterDue(now: number): boolean {
    return now - this.#waterAt >= Math.max(WATER_EVERY_MS, SHARE * this.#waterTookMs)
  }

  /** A look from the water begins: from this id. */
  from(now: number): number {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return this.#low
    this.#sweptAt = now
    return 0
  }

  looked(beganAt: number, now: number): void {
    this.#waterAt = now
    this.#waterTookMs = now - beganAt
  }

  /** The lowest id that is there, from {@link low} on. */
  saw(lowest: number, now: number): void {
    if (this.#candidate !== undefined && now - this.#seenAt < SETTLES_AFTER_MS) return
    this.#low = Math.max(this.#low, this.#candidate ?? 0)
    this.#candidate = lowest
    this.#seenAt = now
  }
}
