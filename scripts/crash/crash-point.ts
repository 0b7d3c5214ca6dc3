import { randomInt } from 'node:crypto'
import { writeSync } from 'node:fs'
import type { Boundary } from './boundaries.ts'

/** What the parent reads when the process has died where it was meant to. */
export const DIED_AT = 'died at '

/** What was handed over may be under way, at the broker, or answered by then. */
const MOMENT_MS = 20

/** Kills this process, as `kill -9` does, the nth time that it comes to a boundary. */
export class CrashPoint {
  readonly #boundary: Boundary | undefined
  #left: number

  /** @param boundary `undefined`: it lives */
  constructor(boundary: Boundary | undefined, nth: number) {
    this.#boundary = boundary
    this.#left = nth
  }

  /** It is at `boundary` now. */
  at(boundary: Boundary): void {
    if (boundary !== this.#boundary || --this.#left > 0) return
    writeSync(1, `${DIED_AT}${boundary}\n`)
    process.kill(process.pid, 'SIGKILL')
  }

  /** It is at `boundary` a moment from now. */
  soonAt(boundary: Boundary): void {
    if (boundary === this.#boundary) setTimeout(() => this.at(boundary), randomInt(MOMENT_MS))
  }
}
