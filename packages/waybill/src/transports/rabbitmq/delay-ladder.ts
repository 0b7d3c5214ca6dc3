import { WaybillError } from '../../message/errors.ts'
import type { Publication } from '../amqp/engine.ts'
import type { Declarations } from './declarations.ts'
import {
  bitPattern,
  DELAY_UNIT_MS,
  destinationPattern,
  doneName,
  ladderEntry,
  lostName,
  MAX_DELAY_MS,
  RUNGS,
  rungName,
} from './ladder-grammar.ts'
import type { DelayMeans } from './delay-means.ts'
import type { Route } from './route.ts'

/**
 * Delays by a fixed ladder of queues (see ladder-grammar.ts), declared when the first delayed message is published.
 *
 * Nothing is lost on it: quorum queues hand on by at-least-once dead-lettering, which needs `reject-publish`; and where
 * the destination has gone, the message is put aside instead of holding up its rung.
 *
 * @see https://www.rabbitmq.com/docs/quorum-queues#dead-lettering
 */
export class DelayLadder implements DelayMeans {
  readonly #prefix: string
  readonly #declarations: Declarations
  #built: Promise<void> | undefined

  constructor(prefix: string, declarations: Declarations) {
    this.#prefix = prefix
    this.#declarations = declarations
  }

  async bind(queue: string): Promise<void> {
    await (this.#built ??= this.#build())
    const done = doneName(this.#prefix)
    await this.#declarations.run(`queue ${queue}`, (channel) =>
      channel.bindQueue(queue, done, destinationPattern(queue)),
    )
  }

  /** The broker's own expiry is left out: it would end the waiting, not the message. */
  route({ routingKey: queue, delayMs = 0 }: Publication): Route {
    const entry = ladderEntry(queue, delayMs)
    if (entry === undefined)
      throw new WaybillError(
        'WAYBILL_LIMIT',
        `a delay of ${delayMs} ms to queue ${queue}: at most ${MAX_DELAY_MS} ms, to a name of at most 207 bytes`,
      )
    return { exchange: rungName(this.#prefix, entry.rung), routingKey: entry.routingKey }
  }

  async #build(): Promise<void> {
    try {
      await this.#declarations.run('the delay ladder', async (channel) => {
        const lost = lostName(this.#prefix)
        await channel.assertExchange(lost, 'fanout')
        await channel.assertQueue(lost, { arguments: { 'x-queue-type': 'quorum' } })
        await channel.bindQueue(lost, lost, '')
        await channel.assertExchange(doneName(this.#prefix), 'topic', { alternateExchange: lost })
        // From the bottom up: what a rung leads to is there before it.
        for (let rung = 0; rung < RUNGS; rung++) {
          const name = rungName(this.#prefix, rung)
          const below = rungName(this.#prefix, rung - 1)
          await channel.assertExchange(name, 'topic')
          await channel.assertQueue(name, {
            messageTtl: DELAY_UNIT_MS * 2 ** rung,
            deadLetterExchange: below,
            overflow: 'reject-publish',
            arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-strategy': 'at-least-once' },
          })
          await channel.bindQueue(name, name, bitPattern(rung, 1))
          await channel.bindExchange(below, name, bitPattern(rung, 0))
        }
      })
    } catch (error) {
      this.#built = undefined
      throw error
    }
  }
}
