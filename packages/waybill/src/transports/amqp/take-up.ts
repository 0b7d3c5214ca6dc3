import { isWaybillError } from '../../message/errors.ts'
import type { Group } from '../../transport/transport.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { Timer } from '../../runtime/runtime.ts'
import type { SubscriptionContext } from './subscription-context.ts'

/**
 * Takes a lost subscription up again: tries until it succeeds, with back-off, while the link is up; a link that comes up
 * begins anew. Tries have no last one, because a service that silently stopped listening would be worse.
 */
export class TakeUp {
  readonly #context: SubscriptionContext
  readonly #group: Group
  readonly #attach: () => Promise<void>
  #timer: Timer | undefined
  #round = 0
  #ended = false

  constructor(context: SubscriptionContext, group: Group, attach: () => Promise<void>) {
    this.#context = context
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
    const { runtime, emit } = this.#context
    const release = runtime.hold('taking up a subscription')
    try {
      await this.#attach()
      if (round !== this.#round) return
      emit({ type: 'subscription-restored', channel: this.#group.channel.name, group: this.#group.name })
    } catch (error) {
      if (round !== this.#round) return
      if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED') && error instanceof Error) emit({ type: 'error', error })
      this.#timer = runtime.setTimer(backOffMs(n, runtime), () => void this.#try(n + 1, round))
    } finally {
      release()
    }
  }
}
