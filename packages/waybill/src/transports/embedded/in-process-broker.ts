import type { Broker } from '../../broker/broker.ts'

/** A broker that opens with its first user and closes with its last. */
export class InProcessBroker {
  readonly #open: () => Promise<Broker>
  #users = 0
  #broker: Promise<Broker> | undefined
  #closing: Promise<void> = Promise.resolve()

  constructor(open: () => Promise<Broker>) {
    this.#open = open
  }

  /** Each call is answered by one `release`, also when it rejects. */
  async acquire(): Promise<Broker> {
    this.#users++
    await this.#closing
    this.#broker ??= this.#open()
    return await this.#broker
  }

  async release(): Promise<void> {
    if (--this.#users > 0) return
    const opened = this.#broker
    this.#broker = undefined
    if (opened === undefined) return
    this.#closing = opened.then(
      (broker) => broker.close(),
      // It never opened, which `acquire` has told its caller.
      () => {},
    )
    await this.#closing
  }
}
