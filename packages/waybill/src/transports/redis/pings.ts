import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** Pings that may be owed. */
const PINGS_OWED = 2

/** How long a server may be silent that is asked once in `intervalMs`. */
export function silentMs(intervalMs: number): number {
  return intervalMs * PINGS_OWED
}

export function silentError(intervalMs: number): Error {
  return new Error(`the server has been silent for ${silentMs(intervalMs)} ms`)
}

/** Asks one connection again and again whether somebody is there. */
export class Pings {
  readonly #runtime: Runtime
  readonly #intervalMs: number
  readonly #ping: () => Promise<unknown>
  readonly #dead: (error: Error) => void
  #timer: Timer | undefined
  #owed = 0

  /** @param dead is called once, when too many are owed */
  constructor(runtime: Runtime, intervalMs: number, ping: () => Promise<unknown>, dead: (error: Error) => void) {
    this.#runtime = runtime
    this.#intervalMs = intervalMs
    this.#ping = ping
    this.#dead = dead
  }

  begin(): void {
    this.#timer = this.#runtime.setTimer(this.#intervalMs, () => {
      if (this.#owed >= PINGS_OWED) return this.#dead(silentError(this.#intervalMs))
      this.#owed++
      this.#ping().then(
        () => (this.#owed = 0),
        () => undefined, // whoever ends the connection says why
      )
      this.begin()
    })
  }

  end(): void {
    this.#timer?.cancel()
  }
}
