import type { Runtime } from '../../runtime/runtime.ts'
import type { Message } from '../message.ts'
import type { Publishing } from '../publishing.ts'
import type { Queue } from '../queue/queue.ts'
import type { MessageLog } from '../store/message-log.ts'
import { toStored } from '../stored-form.ts'
import type { Topology } from '../topology.ts'
import { EMPTY_TABLE } from '../wire/field-table.ts'
import { decodeProperties, encodeProperties } from '../wire/properties.ts'
import { isCircle, withDeath } from './death-history.ts'
import type { DeathReason } from './death-reason.ts'

const PERSISTENT = 2

/**
 * Moves messages to the dead-letter exchange of their queue. In the log the move is one record, so that a crash leaves
 * the message in one place. A dead letter enters a full queue too: refusing it would lose it. It is dropped only where
 * the exchange is gone, binds no queue, or leads in a circle.
 */
export class DeadLetters {
  readonly #runtime: Runtime
  readonly #log: MessageLog | undefined
  readonly #topology: Topology
  readonly #publishing: Publishing
  readonly #fail: (error: Error) => void

  constructor(
    runtime: Runtime,
    log: MessageLog | undefined,
    topology: Topology,
    publishing: Publishing,
    fail: (error: Error) => void,
  ) {
    this.#runtime = runtime
    this.#log = log
    this.#topology = topology
    this.#publishing = publishing
    this.#fail = fail
  }

  move(from: Queue, position: number, message: Message, reason: DeathReason): void {
    const { deadLetterExchange = '', deadLetterRoutingKey } = from.definition.arguments
    const properties = decodeProperties(message.properties)
    const headers = withDeath(properties.headers ?? EMPTY_TABLE, {
      queue: from.name,
      reason,
      time: this.#runtime.now(),
      exchange: message.exchange,
      routingKey: message.routingKey,
      expiration: properties.expiration,
    })
    const letter: Message = {
      exchange: deadLetterExchange,
      routingKey: deadLetterRoutingKey ?? message.routingKey,
      properties: encodeProperties({ ...properties, expiration: undefined, headers }),
      body: message.body,
      origin: undefined,
    }
    const exists = deadLetterExchange === '' || this.#topology.exchanges.has(deadLetterExchange)
    const queues = !exists
      ? []
      : this.#topology
          .route(deadLetterExchange, letter.routingKey, () => headers)
          .filter((queue) => reason === 'rejected' || !isCircle(headers, queue.name))
    if (queues.length === 0) return from.settle(position)
    this.#store(from, position, queues, letter, properties.deliveryMode === PERSISTENT)
  }

  #store(from: Queue, position: number, queues: readonly Queue[], letter: Message, persistent: boolean): void {
    const stored = persistent ? this.#publishing.storedIn(queues) : []
    const sequence = from.sequence(position)
    if (this.#log === undefined || stored.length === 0) {
      from.settle(position)
      return this.#publishing.enqueue(queues, 0, letter, undefined)
    }
    const record = toStored(letter, { publishedAt: this.#runtime.now(), ttlMs: undefined, dueAt: undefined })
    const done = (error: Error | undefined): void => {
      if (error !== undefined) this.#fail(error)
    }
    const moved =
      sequence === 0
        ? this.#log.publish(stored, record, done)
        : this.#log.move({ queue: from.id, sequence }, stored, record, done)
    from.forget(position)
    this.#publishing.enqueue(queues, moved, letter, undefined)
  }
}
