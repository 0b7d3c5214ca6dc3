import { asError } from '../../message/as-error.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import { rotate } from './rotation.ts'
import type { Settings } from './settings.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

const LEAST_MS = 5_000
/** Of removing old history, some thousands of messages each; the rest is for the next time, or another process. */
const MOST_ROUNDS = 100

export interface HousekeepingParts {
  readonly wire: () => Wire
  readonly sql: Statements
  readonly settings: Settings
  readonly runtime: Runtime
  readonly emit: (event: TransportEvent) => void
}

/** Removes what nobody needs any more: groups of transient members that are gone, history beyond its retention, dead rows. */
export class Housekeeping {
  readonly #parts: HousekeepingParts
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  begin(): void {
    const { runtime, settings } = this.#parts
    this.end()
    // Every process does it; chance keeps them apart.
    const waitMs = Math.max(LEAST_MS, settings.leaseMs) * (0.5 + runtime.random())
    this.#timer = runtime.setTimer(waitMs, () => {
      this.#running = this.#run()
      void this.#running.then(() => {
        if (this.#timer !== undefined) this.begin()
      })
    })
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #run(): Promise<void> {
    const { wire, sql, settings, runtime, emit } = this.#parts
    const release = runtime.hold('housekeeping')
    let used: Wire | undefined
    try {
      used = wire()
      const orphans = await used.control.run<{ id: number }>(sql.orphans, [])
      if (orphans.length > 0) await used.control.run(sql.dropTransient, [orphans.map(({ id }) => id)])
      for (let round = 0; round < MOST_ROUNDS; round++)
        if ((await used.control.run(sql.forgetHistory, [])).length === 0) break
      await rotate(used, sql, settings.schema)
    } catch (error) {
      // A link that is down is told of elsewhere.
      if (used !== undefined && !used.isEnded) emit({ type: 'error', error: asError(error) })
    } finally {
      release()
    }
  }
}
