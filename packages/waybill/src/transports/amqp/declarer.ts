import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import type { AmqpEngine, QueueSpec } from './engine.ts'
import { claimOf, entityOf, exchangesOf, hasExchange, layoutOf, ownerIn, type Declarations } from './topology.ts'

/** Makes entities exist. Exchanges that sends rely on are remembered, so that only the first send to one waits. */
export class Declarer {
  readonly #engine: AmqpEngine
  readonly #known = new Map<string, Channel>()

  constructor(engine: AmqpEngine) {
    this.#engine = engine
  }

  async declare(declarations: Declarations): Promise<void> {
    // Independent of one another, so one round trip for each sort; bounded by a topology's own size.
    await Promise.all(declarations.exchanges.map((exchange) => this.#engine.declareExchange(exchange)))
    await Promise.all(declarations.queues.map((queue) => this.#engine.declareQueue(queue)))
    await Promise.all(
      declarations.bindings.map((each) => this.#engine.bindQueue(each.queue, each.exchange, each.routingKey)),
    )
  }

  async queue(queue: QueueSpec): Promise<void> {
    await this.#engine.declareQueue(queue)
  }

  /** @throws {WaybillError} WAYBILL_COMMAND_CLAIMED when another service has claimed the channel */
  async claim(group: Group): Promise<void> {
    const claim = claimOf(group)
    if (claim === undefined) return
    try {
      await this.#engine.declareExchange(claim)
    } catch (error) {
      if (!isWaybillError(error, 'WAYBILL_TOPOLOGY_CONFLICT')) throw error
      const { kind, name } = group.channel
      const owner = ownerIn(`${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`)
      throw new WaybillError(
        'WAYBILL_COMMAND_CLAIMED',
        `${group.name} claims the ${kind} ${name}, which ${owner ?? 'another service'} has claimed`,
        { cause: error, cure: `Let one service handle it; to release the claim, delete the exchange ${claim.name}.` },
      )
    }
  }

  /** Whether it may be published to at once. */
  isReady(channel: Channel): boolean {
    return !hasExchange(channel) || channel.foreign !== undefined || this.#known.has(entityOf(channel))
  }

  /** After this, publishing to the channel meets no missing exchange, which would cost AMQP's channel. */
  async ready(channel: Channel): Promise<void> {
    if (this.isReady(channel)) return
    await this.declare({ exchanges: [...exchangesOf(channel), ...layoutOf(channel)], queues: [], bindings: [] })
    this.#known.set(entityOf(channel), channel)
  }

  /** After a reconnect: the broker may have been replaced, or an exchange deleted. */
  async again(): Promise<void> {
    const channels = [...this.#known.values()]
    this.#known.clear()
    await Promise.all(channels.map((channel) => this.ready(channel)))
  }
}
