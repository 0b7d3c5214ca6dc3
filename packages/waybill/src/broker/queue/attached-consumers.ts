import { ReplyError } from '../reply-error.ts'
import { ConsumerTurns } from './consumer-turns.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueDefinition } from './queue-definition.ts'
import type { Demand } from './queue-front.ts'
import type { QueueHost } from './queue-host.ts'
import { UnusedTimer } from './unused-timer.ts'

/** Who consumes a queue: whether somebody else may, whose turn it is, and what follows when nobody does any more. */
export class AttachedConsumers implements Demand {
  readonly #definition: QueueDefinition
  readonly #turns: ConsumerTurns
  readonly #unused: UnusedTimer
  readonly #host: QueueHost
  /** Who was handed something in this turn of the event loop; empty between turns. */
  readonly #served = new Set<QueueConsumer>()
  #lastServed: QueueConsumer | undefined
  #isExclusive = false

  constructor(definition: QueueDefinition, host: QueueHost) {
    const { singleActiveConsumer = false, expiresMs } = definition.arguments
    this.#definition = definition
    this.#turns = new ConsumerTurns(singleActiveConsumer)
    this.#unused = new UnusedTimer(host.runtime, expiresMs, () => host.remove())
    this.#host = host
    this.#unused.start()
  }

  get count(): number {
    return this.#turns.count
  }

  get credit(): number {
    return this.#turns.credit
  }

  /** The single active consumer, where there is to be one. */
  get active(): QueueConsumer | undefined {
    return this.#turns.active
  }

  /** How long the queue may be unused from now on. */
  set expiresMs(expiresMs: number | undefined) {
    this.#unused.afterMs = expiresMs
    this.touch()
  }

  /** Somebody asked for the queue, without consuming it. */
  touch(): void {
    if (this.count === 0) this.#unused.start()
  }

  /**
   * @throws {ReplyError} 403 when somebody consumes exclusively, when `exclusive` is asked for and somebody consumes, or
   *   when it is asked for where there is a single active consumer
   */
  add(consumer: QueueConsumer, exclusive: boolean): void {
    const { name, arguments: queueArguments } = this.#definition
    const isAlone = this.count === 0 && queueArguments.singleActiveConsumer !== true
    if (this.#isExclusive || (exclusive && !isAlone)) {
      throw new ReplyError(403, `queue '${name}' in vhost '${this.#host.vhost}' in exclusive use`)
    }
    this.#isExclusive = exclusive
    this.#turns.add(consumer)
    this.#unused.stop()
  }

  /** `false` when it is not here. */
  remove(consumer: QueueConsumer): boolean {
    if (!this.#turns.remove(consumer)) return false
    this.#isExclusive = false
    if (this.count > 0) return true
    if (this.#definition.autoDelete) this.#host.remove()
    else this.#unused.start()
    return true
  }

  /** The next consumer that can take a message. */
  next(): QueueConsumer | undefined {
    return this.#turns.next()
  }

  /** It was handed a message, and is told when there are no more for now. */
  served(consumer: QueueConsumer): void {
    if (consumer === this.#lastServed) return
    this.#lastServed = consumer
    this.#served.add(consumer)
  }

  /** There are no more for now. */
  flush(): void {
    if (this.#lastServed === undefined) return
    this.#lastServed = undefined
    for (const consumer of this.#served) consumer.flush()
    this.#served.clear()
  }

  /** The queue has gone. */
  cancelAll(error: Error): void {
    for (const consumer of this.#turns.all()) {
      this.#turns.remove(consumer)
      consumer.cancelled(error)
    }
  }

  /** Ends timers. */
  stop(): void {
    this.#unused.stop()
  }
}
