import { isWaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { withHeaders, withoutExpiration } from '../header-changes.ts'
import type { Message } from '../message.ts'
import type { Publishing } from '../publishing.ts'
import type { Queue } from '../queue/queue.ts'
import type { Durable, MessageLog } from '../store/message-log.ts'
import { toStored } from '../stored-form.ts'
import type { Topology } from '../topology.ts'
import { EMPTY_TABLE, type FieldTable, type FieldValue } from '../wire/field-table.ts'
import { decodeProperties, type BasicProperties } from '../wire/properties.ts'
import { NestedTurns } from '../nested-turns.ts'
import { isCircle, withDeath, type Death } from './death-history.ts'
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
  readonly #done: Durable
  readonly #moves: NestedTurns

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
    this.#moves = new NestedTurns(runtime)
    this.#done = (error) => {
      if (error !== undefined) fail(error)
    }
  }

  /**
   * At once, or a little later where one dead letter is the death of another, and so on.
   *
   * @param position of the message in its queue; `undefined` for one that the queue has refused
   */
  move(from: Queue, position: number | undefined, message: Message, reason: DeathReason): void {
    this.#moves.run(() => this.#move(from, position, message, reason))
  }

  #move(from: Queue, position: number | undefined, message: Message, reason: DeathReason): void {
    const properties = decodeProperties(message.properties)
    const { letter, routingKeys, headers } = deadLetter(from, message, properties, reason, this.#runtime.now())
    const queues = this.#route(letter.exchange, routingKeys, headers).filter((queue) => !isCircle(headers, queue.name))
    if (queues.length > 0) this.#put(from, position, queues, letter, properties.deliveryMode === PERSISTENT)
    else if (position !== undefined) from.settle(position)
  }

  /** The queues of a dead letter, each once. */
  #route(exchangeName: string, routingKeys: readonly string[], headers: FieldTable): readonly Queue[] {
    const topology = this.#topology
    if (exchangeName === '') return [...new Set(routingKeys.flatMap((key) => topology.routeByName(key)))]
    const exchange = topology.exchanges.get(exchangeName)
    if (exchange === undefined) return []
    const [only = '', ...more] = routingKeys
    return more.length === 0
      ? topology.router.route(exchange, only, () => headers)
      : topology.router.routeAny(exchange, routingKeys, () => headers)
  }

  #put(
    from: Queue,
    position: number | undefined,
    queues: readonly Queue[],
    letter: Message,
    isPersistent: boolean,
  ): void {
    const stored = isPersistent ? this.#publishing.storedIn(queues) : []
    const source = position === undefined ? 0 : from.sequence(position)
    const sequence = stored.length === 0 ? 0 : this.#store(from.id, source, stored, letter)
    // Where a record has moved it, it is settled by that.
    if (position !== undefined && sequence !== 0) from.forget(position)
    else if (position !== undefined) from.settle(position)
    this.#publishing.enqueue(queues, sequence, letter, undefined)
  }

  /**
   * @param source its number in the log until now, 0 when it was not there
   * @returns its number from now on; 0 when the log is too far behind to take one more that it did not hold
   */
  #store(from: number, source: number, queues: readonly number[], letter: Message): number {
    const log = this.#log
    if (log === undefined) return 0
    const record = toStored(letter, { publishedAt: this.#runtime.now(), ttlMs: undefined, dueAt: undefined })
    try {
      return source === 0
        ? log.publish(queues, record, this.#done)
        : log.move({ queue: from, sequence: source }, queues, record, this.#done)
    } catch (error) {
      if (!isWaybillError(error)) throw error
      return 0
    }
  }
}

/** What a message is as a dead letter. A routing key of the queue's own replaces those of the message, CC included. */
function deadLetter(
  from: Queue,
  message: Message,
  properties: BasicProperties,
  reason: DeathReason,
  time: number,
): { readonly letter: Message; readonly routingKeys: readonly string[]; readonly headers: FieldTable } {
  const { deadLetterExchange = '', deadLetterRoutingKey } = from.arguments
  const published = properties.headers ?? EMPTY_TABLE
  const { CC: copies, ...withoutCopies } = published
  const publishedKeys = [message.routingKey, ...stringsOf(copies)]
  const death: Death = {
    queue: from.name,
    reason,
    time,
    exchange: message.exchange,
    routingKeys: publishedKeys,
    expiration: properties.expiration,
  }
  const headers = withDeath(deadLetterRoutingKey === undefined ? published : withoutCopies, death)
  const letter: Message = {
    exchange: deadLetterExchange,
    routingKey: deadLetterRoutingKey ?? message.routingKey,
    properties: withHeaders(withoutExpiration(message.properties), headers),
    body: message.body,
    origin: undefined,
  }
  return { letter, routingKeys: deadLetterRoutingKey === undefined ? publishedKeys : [deadLetterRoutingKey], headers }
}

/** Routing keys of the header CC, which was an array of strings when it was published. */
function stringsOf(copies: FieldValue | undefined): readonly string[] {
  return Array.isArray(copies) ? (copies as readonly FieldValue[]).filter((each) => typeof each === 'string') : []
}
