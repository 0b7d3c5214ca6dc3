import { isWaybillError } from '../message/errors.ts'

/** More than a cluster has addresses to fail in ways of their own; beyond it the oldest is forgotten, and told again. */
const MAX_REASONS = 32

/** The reasons of one outage, to tell each once. */
export class Reasons {
  readonly #told = new Set<string>()

  /** Whether nothing of the same code and text has come since `clear`. */
  isNew(error: Error): boolean {
    const reason = `${isWaybillError(error) ? error.code : error.name} ${error.message}`
    if (this.#told.has(reason)) return false
    if (this.#told.size === MAX_REASONS) for (const oldest of this.#told.values().take(1)) this.#told.delete(oldest)
    this.#told.add(reason)
    return true
  }

  clear(): void {
    this.#told.clear()
  }
}
