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
import type { Route } from './route.ts'

/**
 * Delays by a fixed ladder of queues (see ladder-grammar.ts), declared when the first delayed message is published.
 *
 * Nothing is lost on it: quorum queues hand on by at-least-once dead-lettering, which needs `reject-publish`; and where
 * the destination has gone, the message is put aside instead of holding up its rung.
 *
 * @see https://www.rabbitmq.com/docs/quorum-queues#dead-lettering
 */
export class DelayLadder {
  readonly #prefix: string
  readonly #declarations: Declarations
  #built: Promise<void> | undefined
  /** Destinations bound to the ladder since the link came up; as many as there are queues. */
  readonly #bound = new Map<string, Promise<void>>()
  readonly #ready = new Set<string>()

  constructor(prefix: string, declarations: Declarations) {
    this.#prefix = prefix
    this.#declarations = declarations
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
    let bound = this.#bound.get(queue)
    if (bound === undefined) {
      bound = this.#bind(queue)
      this.#bound.set(queue, bound)
      bound.catch(() => this.forget(queue))
    }
    return bound
  }

  /** The queue was deleted, and its binding with it. */
  forget(queue: string): void {
    this.#bound.delete(queue)
    this.#ready.delete(queue)
  }

  /** The link was lost: the next broker may be another. */
  reset(): void {
    this.#built = undefined
    this.#bound.clear()
    this.#ready.clear()
  }

  /**
   * Where a delayed publication enters. The broker's own expiry is left out: it would end the waiting, not the message.
   *
   * @throws {WaybillError} WAYBILL_LIMIT when the delay or the queue's name is too long for the ladder
   */
  route(publication: Publication): Route {
    const { routingKey: queue, delayMs = 0 } = publication
    if (publication.exchange !== '')
      throw new WaybillError(
        'WAYBILL_UNSUPPORTED',
        `a delayed message to exchange ${publication.exchange}: only to a queue`,
      )
    const entry = ladderEntry(queue, delayMs)
    if (entry === undefined)
      throw new WaybillError(
        'WAYBILL_LIMIT',
        `a delay of ${delayMs} ms to queue ${queue}: at most ${MAX_DELAY_MS} ms, to a name of at most 207 bytes`,
      )
    return { exchange: rungName(this.#prefix, entry.rung), routingKey: entry.routingKey, ttlMs: undefined }
  }

  async #bind(queue: string): Promise<void> {
    await (this.#built ??= this.#build())
    const done = doneName(this.#prefix)
    await this.#declarations.run(`queue ${queue}`, (channel) =>
      channel.bindQueue(queue, done, destinationPattern(queue)),
    )
    this.#ready.add(queue)
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
