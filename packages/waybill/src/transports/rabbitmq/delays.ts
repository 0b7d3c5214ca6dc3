import { WaybillError } from '../../message/errors.ts'
import type { Publication } from '../amqp/engine.ts'
import type { Declarations } from './declarations.ts'
import { DelayLadder } from './delay-ladder.ts'
import type { DelayMeans } from './delay-means.ts'
import { DelayedExchange } from './delayed-exchange.ts'
import type { Route } from './route.ts'
import { hasDelayedExchanges, hasSafeDeadLettering, type ServerVersion } from './server-version.ts'

/** Delayed publications on one connection: by what means, and to which queues they may go already. */
export class Delays {
  readonly #means: DelayMeans
  /** Queues bound, or being bound; as many as there are queues. */
  readonly #bound = new Map<string, Promise<void>>()
  readonly #ready = new Set<string>()

  constructor(means: DelayMeans) {
    this.#means = means
  }

  /** Whether a delayed message to `queue` may be published now. */
  isReady(queue: string): boolean {
    return this.#ready.has(queue)
  }

  /**
   * Resolves when a delayed message to `queue` may be published.
   *
   * @throws {WaybillError} WAYBILL_NOT_FOUND when there is no such queue
   */
  ready(queue: string): Promise<void> {
    const known = this.#bound.get(queue)
    if (known !== undefined) return known
    const binding = this.#means.bind(queue)
    this.#bound.set(queue, binding)
    binding.then(
      () => this.#bound.get(queue) === binding && this.#ready.add(queue),
      () => this.#bound.get(queue) === binding && this.forget(queue),
    )
    return binding
  }

  /** The queue is gone, and its binding with it. */
  forget(queue: string): void {
    this.#bound.delete(queue)
    this.#ready.delete(queue)
  }

  /**
   * Where a delayed publication is written.
   *
   * @throws {WaybillError} WAYBILL_LIMIT when its delay, or its queue's name, is too long
   */
  route(publication: Publication): Route {
    const { exchange } = publication
    if (exchange === '') return this.#means.route(publication)
    throw new WaybillError('WAYBILL_UNSUPPORTED', `a delayed message to exchange ${exchange}: only to a queue`)
  }
}

/**
 * Delays on a broker that has just been connected to; `undefined` where it has no means that cannot lose a message.
 *
 * @param prefix what the names of exchanges and queues made for it begin with
 */
export function delaysOf(version: ServerVersion, prefix: string, declarations: Declarations): Delays | undefined {
  if (hasDelayedExchanges(version)) return new Delays(new DelayedExchange(prefix, declarations))
  if (hasSafeDeadLettering(version)) return new Delays(new DelayLadder(prefix, declarations))
  return undefined
}
