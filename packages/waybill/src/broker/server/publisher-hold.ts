import type { Block } from '../publisher-gate.ts'

export interface HeldSession {
  /** Takes up no frame until the returned function is called. */
  suspend(): () => void
  /** Tells the client why its publishes wait, or with `undefined` that they go on. */
  tellBlocked(reason: string | undefined): void
  defer(fn: () => void): void
}

/**
 * Holds one connection back while the broker wants no publishes, as soon as it publishes. As in RabbitMQ it is told so
 * while there is an alarm; when only the log is behind, it is held back without a word.
 */
export class PublisherHold {
  readonly #session: HeldSession
  #block: Block | undefined
  #isPublisher = false
  #isTold = false
  #release: (() => void) | undefined

  constructor(session: HeldSession) {
    this.#session = session
  }

  get isHeld(): boolean {
    return this.#release !== undefined
  }

  /** The connection publishes. */
  publishing(): void {
    if (this.#isPublisher) return
    this.#isPublisher = true
    this.#update()
  }

  set block(block: Block | undefined) {
    this.#block = block
    this.#update()
  }

  #update(): void {
    const block = this.#isPublisher ? this.#block : undefined
    const reason = block?.isAlarm === true ? block.reason : undefined
    if (this.#isTold !== (reason !== undefined)) {
      this.#isTold = reason !== undefined
      this.#session.tellBlocked(reason)
    }
    if (block !== undefined) this.#release ??= this.#session.suspend()
    else if (this.#release !== undefined) {
      // Later: it is in the midst of somebody else's acknowledgement that there is room again.
      this.#session.defer(this.#release)
      this.#release = undefined
    }
  }
}
