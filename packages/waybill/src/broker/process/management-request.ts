import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime, Timer } from '../../runtime/runtime.ts'

const FILE = 'broker.manage'
const EVERY_MS = 250

/** Asks the broker of a folder to open its management API on the loopback address; it announces the port then. */
export function requestManagement(dir: string): void {
  writeFileSync(join(dir, FILE), '', { mode: 0o600 })
}

/** Calls `requested` once somebody has asked for it by that file: few ever do, and it need not be loaded for the others. */
export class ManagementRequestWatch {
  readonly #file: string
  readonly #runtime: Runtime
  readonly #requested: () => void
  #timer: Timer | undefined

  constructor(dir: string, runtime: Runtime, requested: () => void) {
    this.#file = join(dir, FILE)
    this.#runtime = runtime
    this.#requested = requested
    // Of a life before.
    rmSync(this.#file, { force: true })
    this.#wait()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #wait(): void {
    this.#timer = this.#runtime.setTimer(EVERY_MS, () => {
      if (!existsSync(this.#file)) return this.#wait()
      rmSync(this.#file, { force: true })
      this.#requested()
    })
  }
}
