import { WaybillError } from '../../message/errors.ts'
import { Deadlines } from '../../runtime/deadlines.ts'
import type { Release, Runtime } from '../../runtime/runtime.ts'

/** Who waits holds memory alone; more than this is a service that takes up far more than it gets done. */
const MOST_WAITING = 10_000

interface Waiting {
  readonly go: (release: Release) => void
  /** It has given up. */
  over: boolean
}

/** Transactions on one connection: one at a time, first come, first served. */
export class TransactionQueue {
  readonly #deadlines: Deadlines
  readonly #patienceMs: number
  #waiting: Waiting[] = []
  #isTaken = false

  /** @param patienceMs how long one may wait for those before it */
  constructor(runtime: Runtime, patienceMs: number) {
    this.#deadlines = new Deadlines(runtime)
    this.#patienceMs = patienceMs
  }

  /**
   * Resolves with the connection for who asks; others have it once it is released.
   *
   * @throws {WaybillError} WAYBILL_BACKPRESSURE, WAYBILL_DATABASE_FAILED after the patience
   */
  acquire(): Promise<Release> {
    if (!this.#isTaken) {
      this.#isTaken = true
      return Promise.resolve(this.#release())
    }
    if (this.#waiting.length >= MOST_WAITING)
      return Promise.reject(
        new WaybillError('WAYBILL_BACKPRESSURE', `${MOST_WAITING} transactions wait for the one connection to SQLite`, {
          cure: 'Lower the concurrency of handlers; nothing was written.',
        }),
      )
    return new Promise((resolve, reject) => {
      const deadline = this.#deadlines.add(this.#patienceMs, () => {
        waiting.over = true
        const what = `waited ${this.#patienceMs} ms for the transaction before, on the one connection to SQLite`
        reject(
          new WaybillError('WAYBILL_DATABASE_FAILED', what, {
            cure: 'Keep transactions short, and open none inside of another one: it would wait for itself.',
          }),
        )
      })
      const waiting: Waiting = {
        over: false,
        go: (release) => {
          deadline.cancel()
          resolve(release)
        },
      }
      this.#waiting.push(waiting)
    })
  }

  #release(): Release {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        if (!next.over) return next.go(this.#release())
      this.#isTaken = false
    }
  }
}
