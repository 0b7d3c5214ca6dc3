import { MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Publication } from '../amqp/engine.ts'
import type { Declarations } from './declarations.ts'
import type { DelayMeans } from './delay-means.ts'
import type { Route } from './route.ts'

/**
 * Delays by Waybill's own broker: one exchange of type `x-delayed-message` (`x-delayed-type` `direct`), named
 * `<prefix>delayed`, which routes a message to the queue that its key names once the milliseconds in its header `x-delay`
 * are over. A queue is bound to it by its name when it is first needed.
 *
 * A message whose queue was deleted, and with it the binding, is returned at once; one whose queue is deleted during the
 * delay goes where the messages of that queue went.
 */
export class DelayedExchange implements DelayMeans {
  readonly #name: string
  readonly #declarations: Declarations
  #declared: Promise<unknown> | undefined

  constructor(prefix: string, declarations: Declarations) {
    this.#name = `${prefix}delayed`
    this.#declarations = declarations
  }

  async bind(queue: string): Promise<void> {
    await (this.#declared ??= this.#declare())
    await this.#declarations.run(`queue ${queue}`, (channel) => channel.bindQueue(queue, this.#name, queue))
  }

  route({ routingKey, delayMs = 0, ttlMs }: Publication): Route {
    const whole = Math.ceil(delayMs)
    if (whole <= MAX_DELAY_MS) return { exchange: this.#name, routingKey, ttlMs, delayHeaderMs: whole }
    throw new WaybillError(
      'WAYBILL_LIMIT',
      `a delay of ${delayMs} ms to queue ${routingKey}: at most ${MAX_DELAY_MS} ms`,
    )
  }

  async #declare(): Promise<void> {
    try {
      await this.#declarations.run(`exchange ${this.#name}`, (channel) =>
        channel.assertExchange(this.#name, 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } }),
      )
    } catch (error) {
      this.#declared = undefined
      throw error
    }
  }
}
