import type { NatsConnection } from '@nats-io/transport-node'

/** One ping for everything of a turn that waits for an answer to one. */
export class SharedFlush {
  readonly #connection: NatsConnection
  #next: Promise<void> | undefined

  constructor(connection: NatsConnection) {
    this.#connection = connection
  }

  /** Resolves when the server has taken everything that was published before; rejects when the link is lost. */
  flush(): Promise<void> {
    this.#next ??= Promise.resolve().then(() => {
      this.#next = undefined
      return this.#connection.flush()
    })
    return this.#next
  }
}
