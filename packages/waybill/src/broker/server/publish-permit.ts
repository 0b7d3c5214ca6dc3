import type { Guard } from '../access/guard.ts'
import type { VirtualHost } from '../virtual-host.ts'
import type { PublishAddress } from '../wire/publish-scan.ts'

/** Asks whether a client may publish to where it does: once for all publishes in a row to one place. */
export class PublishPermit {
  readonly #virtualHost: VirtualHost
  readonly #guard: Guard
  /** What was permitted last, and what that depended on. */
  #address: PublishAddress | undefined
  #version = 0
  #removedExchanges = 0

  constructor(virtualHost: VirtualHost, guard: Guard) {
    this.#virtualHost = virtualHost
    this.#guard = guard
  }

  /** @throws {ReplyError} 403 */
  require(address: PublishAddress): void {
    const isKnown =
      address === this.#address &&
      this.#guard.version === this.#version &&
      this.#virtualHost.removedExchanges === this.#removedExchanges
    if (!isKnown) this.#ask(address)
  }

  #ask(address: PublishAddress): void {
    const { exchange: name, routingKey } = address
    this.#guard.require('write', 'exchange', name)
    if (this.#virtualHost.exchanges.get(name)?.isTopic === true) this.#guard.requireTopic('write', name, routingKey)
    this.#address = address
    this.#version = this.#guard.version
    this.#removedExchanges = this.#virtualHost.removedExchanges
  }
}
