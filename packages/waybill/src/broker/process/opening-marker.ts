import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime, Timer } from '../../runtime/runtime.ts'

const FILE = 'broker.opening'
const TOUCH_MS = 500

/** Says, while a broker reads its log, that it is at it: the file's time changes twice a second. */
export class OpeningMarker {
  readonly #file: string
  readonly #runtime: Runtime
  #timer: Timer | undefined

  constructor(dir: string, runtime: Runtime) {
    this.#file = join(dir, FILE)
    this.#runtime = runtime
  }

  begin(): void {
    writeFileSync(this.#file, `${process.pid}\n`, { mode: 0o600 })
    this.#wait()
  }

  end(): void {
    this.#timer?.cancel()
    rmSync(this.#file, { force: true })
  }

  #wait(): void {
    this.#timer = this.#runtime.setTimer(TOUCH_MS, () => {
      const now = this.#runtime.now() / 1000
      try {
        utimesSync(this.#file, now, now)
        this.#wait()
      } catch {
        // Somebody removed the folder, which the reader of the log finds out for itself.
      }
    })
  }
}

/** A value that changes while a broker is reading the log of the folder, and only then. */
export function openingProgress(dir: string): number | undefined {
  return statSync(join(dir, FILE), { throwIfNoEntry: false })?.mtimeMs
}
