import type { Runtime, Timer } from '../runtime/runtime.ts'
import { asError } from '../message/as-error.ts'
import { isWaybillError } from '../message/errors.ts'
import { backOffMs } from './back-off.ts'
import type { TransportEvent } from './transport-event.ts'
import type { Group } from './transport.ts'

/**
 * Takes a lost subscription up again: tries until it succeeds, with back-off, while the link is up; a link that comes up
 * begins anew. Tries have no last one, because a service that silently stopped listening would be worse.
 */
export class TakeUp {
  readonly #runtime: Runtime
  readonly #emit: (event: TransportEvent) => void
  readonly #group: Group
  readonly #attach: () => Promise<void>
  #timer: Timer | undefined
  #round = 0
  #ended = false

  constructor(runtime: Runtime, emit: (event: TransportEvent) => void, group: Group, attach: () => Promise<void>) {
    this.#runtime = runtime
    this.#emit = emit
    this.#group = group
    this.#attach = attach
  }

  begin(): void {
    this.#timer?.cancel()
    const round = ++this.#round
    if (!this.#ended) void this.#try(0, round)
  }

  linkUp(): void {
    this.begin()
  }

  linkDown(): void {
    this.#round++
    this.#timer?.cancel()
  }

  end(): void {
    this.#ended = true
    this.linkDown()
  }

  async #try(n: number, round: number): Promise<void> {
    const release = this.#runtime.hold('taking up a subscription')
    try {
      await this.#attach()
      if (round !== this.#round) return
      this.#emit({ type: 'subscription-restored', channel: this.#group.channel.name, group: this.#group.name })
    } catch (thrown) {
      if (round !== this.#round) return
      const error = asError(thrown)
      if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) this.#emit({ type: 'error', error })
      this.#timer = this.#runtime.setTimer(backOffMs(n, this.#runtime), () => void this.#try(n + 1, round))
    } finally {
      release()
    }
  }
}
