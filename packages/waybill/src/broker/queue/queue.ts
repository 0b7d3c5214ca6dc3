import { ReplyError } from '../reply-error.ts'
import { residentBytes, type Message } from '../message.ts'
import type { DeathReason } from '../dead-letter/death-reason.ts'
import { ConsumerTurns } from './consumer-turns.ts'
import { HeadTimer } from './head-timer.ts'
import { MessageIndex } from './message-index.ts'
import { Preparation } from './preparation.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import type { QueueDefinition } from './queue-definition.ts'
import type { QueueHost } from './queue-host.ts'
import { UnusedTimer } from './unused-timer.ts'

/** Messages handed out by one queue in one turn of the event loop, so that the others have theirs. */
const BURST = 1_024

/** Stored messages that a queue keeps in memory besides the log, from its head: what consumers that keep up never read. */
const KEPT_MESSAGES = 1_024

/** One queue: which messages it holds, who consumes them, and whose turn it is. All methods are synchronous. */
export class Queue {
  readonly definition: QueueDefinition
  /** Number of the queue in the log; never used for another one. */
  readonly id: number
  /** Whose an exclusive queue is: its connection. */
  readonly owner: object | undefined
  /** The route of a message to this queue alone. */
  readonly alone: readonly Queue[] = [this]
  readonly #host: QueueHost
  readonly #index = new MessageIndex()
  readonly #turns: ConsumerTurns
  readonly #preparation: Preparation
  readonly #headTimer: HeadTimer
  readonly #unused: UnusedTimer
  #settled: number[] = []
  #kept = 0
  #bytes = 0
  #deleted = false
  #exclusiveConsumer = false
  /** Older ones were recovered, and their deadline is not known until they are read. */
  #recoveredEnd = 0

  constructor(definition: QueueDefinition, id: number, owner: object | undefined, host: QueueHost) {
    this.definition = definition
    this.id = id
    this.owner = owner
    this.#host = host
    this.#turns = new ConsumerTurns(definition.arguments.singleActiveConsumer === true)
    this.#preparation = new Preparation(this, this.#index, host)
    this.#headTimer = new HeadTimer(host.runtime, () => host.schedule())
    this.#unused = new UnusedTimer(host.runtime, definition.arguments.expiresMs, () => host.remove())
    this.#unused.start()
  }

  get name(): string {
    return this.definition.name
  }

  /** Persistent messages are in the log: the queue outlives the broker. */
  get isStored(): boolean {
    return this.definition.durable && !this.definition.exclusive
  }

  get ready(): number {
    return this.#index.ready
  }

  get unsettled(): number {
    return this.#index.unsettled
  }

  get consumers(): number {
    return this.#turns.count
  }

  get deleted(): boolean {
    return this.#deleted
  }

  /** Whether the next publish is refused, by `x-overflow: reject-publish`. */
  get isFull(): boolean {
    const { maxLength, maxLengthBytes, overflow } = this.definition.arguments
    if (overflow === undefined || overflow === 'drop-head') return false
    return this.#index.ready >= (maxLength ?? Infinity) || this.#bytes >= (maxLengthBytes ?? Infinity)
  }

  /** Somebody asked for it (`x-expires`). */
  touch(): void {
    if (this.#turns.count === 0) this.#unused.start()
  }

  /**
   * Adds a message at the end.
   *
   * @param sequence its number in the log; 0 when it is in memory alone
   * @param ttlMs its own, from `publishedAt`; the queue's may be shorter
   */
  enqueue(sequence: number, message: Message, publishedAt: number, ttlMs: number | undefined): void {
    const life = Math.min(ttlMs ?? Infinity, this.definition.arguments.messageTtlMs ?? Infinity)
    const keep = sequence === 0 || (this.#kept < KEPT_MESSAGES && this.#host.memory.hasRoom)
    const size = this.definition.arguments.maxLengthBytes === undefined ? 0 : message.body.length
    const position = this.#index.append(sequence, keep ? message : undefined, publishedAt + life, size)
    this.#bytes += size
    if (keep) this.#keep(message)
    // A life of nothing is for a consumer that can take it now, or for nobody (RabbitMQ, Time-To-Live).
    if (life === 0) {
      if (this.#index.ready === 1 && this.#turns.credit > 0) this.#index.setDeadline(position, Infinity)
      else this.discard(position, 'expired')
    } else if (life !== Infinity && this.#index.ready === 1) this.#host.schedule()
    this.#dropOverflow()
    if (this.#turns.count > 0) this.#host.schedule()
  }

  /** Takes up a message that the log held when it was opened. Its deadline is found when it comes to the head. */
  recover(sequence: number, deliveries: number, suspect: boolean): void {
    const position = this.#index.append(sequence, undefined, Infinity, 0)
    if (deliveries > 0) this.#index.setDeliveries(position, deliveries, suspect)
    this.#recoveredEnd = position + 1
  }

  /**
   * @throws {ReplyError} 403 when somebody consumes exclusively, or `exclusive` is asked for and somebody consumes
   */
  addConsumer(consumer: QueueConsumer, exclusive: boolean): void {
    if (this.#exclusiveConsumer || (exclusive && this.#turns.count > 0)) {
      throw new ReplyError(403, `queue '${this.name}' in exclusive use`)
    }
    this.#exclusiveConsumer = exclusive
    this.#turns.add(consumer)
    this.#unused.stop()
    this.#host.schedule()
  }

  /** Its unsettled messages stay so: `requeue` them. */
  removeConsumer(consumer: QueueConsumer): void {
    if (!this.#turns.remove(consumer)) return
    this.#exclusiveConsumer = false
    this.#host.schedule()
    if (this.#turns.count > 0) return
    if (this.definition.autoDelete) this.#host.remove()
    else this.#unused.start()
  }

  /** A consumer has credit again, or the queue has. */
  wake(): void {
    this.#host.schedule()
  }

  /** One turn: writes down what was settled, drops what has expired, hands out what it can. */
  run(): void {
    this.#writeSettled()
    if (this.#deleted) return
    const touched = new Set<QueueConsumer>()
    for (let handed = 0; ; handed++) {
      const position = this.#nextToHandOut()
      if (position === -1) break
      if (handed === BURST) {
        this.#host.schedule()
        break
      }
      const consumer = this.#turns.next()
      if (consumer === undefined) break
      const message = this.#index.message(position)
      if (message === undefined || this.#mustCount(position)) {
        this.#preparation.start(position, this.#turns.credit)
        break
      }
      const deliveryCount = this.#take(position)
      consumer.offer(position, message, deliveryCount)
      if (consumer.noAck) this.settle(position)
      touched.add(consumer)
    }
    for (const consumer of touched) consumer.flush()
  }

  /** basic.get: the next message, unless none is ready or the next is still on its way from disk. */
  get(
    noAck: boolean,
  ): { readonly position: number; readonly message: Message; readonly deliveryCount: number } | 'empty' | 'loading' {
    this.touch()
    const position = this.#nextToHandOut()
    if (position === -1) return this.#preparation.busy ? 'loading' : 'empty'
    const message = this.#index.message(position)
    if (message === undefined || this.#mustCount(position)) {
      this.#preparation.start(position, 1)
      return 'loading'
    }
    const deliveryCount = this.#take(position)
    if (noAck) this.settle(position)
    return { position, message, deliveryCount }
  }

  /** Done with: forgets the message. */
  settle(position: number): void {
    if (this.#deleted || !this.#index.isLive(position)) return
    const sequence = this.#index.sequence(position)
    this.forget(position)
    if (sequence === 0) return
    this.#settled.push(sequence)
    if (this.#settled.length === 1) this.#host.schedule()
  }

  /** Returns an unsettled message to its place; one that has come back too often is dead-lettered. */
  requeue(position: number): void {
    if (this.#deleted || !this.#index.putBack(position)) return
    this.#bytes += this.#index.size(position)
    const limit = this.definition.arguments.deliveryLimit
    if (limit !== undefined && this.#index.deliveries(position) > limit) this.discard(position, 'delivery_limit')
    else this.#host.schedule()
  }

  /** Takes a message out for `reason`: to the dead-letter exchange where there is one, else it is forgotten. */
  discard(position: number, reason: DeathReason): void {
    if (this.#deleted || !this.#index.isLive(position)) return
    if (this.definition.arguments.deadLetterExchange === undefined) return this.settle(position)
    if (this.#index.isReady(position)) this.#withhold(position)
    const message = this.#index.message(position)
    if (message !== undefined) return this.#host.deadLetter(position, message, reason)
    this.#preparation.read(position, (read) => this.#host.deadLetter(position, read, reason))
  }

  /** Forgets a message that the log has already forgotten for this queue. */
  forget(position: number): void {
    if (this.#deleted || !this.#index.isLive(position)) return
    if (this.#index.isReady(position)) this.#bytes -= this.#index.size(position)
    const message = this.#index.message(position)
    if (message !== undefined) this.#unkeep(message)
    this.#index.remove(position)
  }

  holds(position: number): boolean {
    return !this.#deleted && this.#index.isLive(position)
  }

  /** The message's number in the log, 0 when it is in memory alone. */
  sequence(position: number): number {
    return this.#index.sequence(position)
  }

  /** Forgets all ready messages; returns how many. */
  purge(): number {
    const count = this.#index.ready
    for (let position = this.#index.nextReady(); position !== -1; position = this.#index.nextReady(position + 1)) {
      this.settle(position)
    }
    return count
  }

  /** Keeps the content of a message that was read, until it is settled. */
  loaded(position: number, message: Message, deadline: number): void {
    if (this.#deleted || !this.#index.isLive(position) || this.#index.message(position) !== undefined) return
    this.#index.setMessage(position, message)
    this.#keep(message)
    if (deadline !== Infinity) this.#index.setDeadline(position, deadline)
  }

  /** Ends the queue: consumers are told, messages forgotten. */
  delete(): void {
    for (let position = this.#index.nextLive(0); position !== -1; position = this.#index.nextLive(position + 1)) {
      this.settle(position)
    }
    this.#writeSettled()
    this.#deleted = true
    this.#unused.stop()
    this.#headTimer.stop()
    for (const consumer of this.#turns.all()) {
      this.#turns.remove(consumer)
      consumer.cancelled(new ReplyError(404, `queue '${this.name}' was deleted`, 'WAYBILL_SUBSCRIPTION_LOST'))
    }
  }

  /** Stops timers and writes down what was settled, as the broker closes. */
  close(): void {
    this.#writeSettled()
    this.#preparation.countAll()
    this.#unused.stop()
    this.#headTimer.stop()
  }

  /** The first ready message that has not expired, after dropping those before it that have. */
  #nextToHandOut(): number {
    if (this.#preparation.busy) return -1
    for (;;) {
      const position = this.#index.nextReady()
      if (position === -1) return -1
      const deadline = this.#index.deadline(position)
      if (deadline === Infinity) {
        if (position >= this.#recoveredEnd || this.#index.message(position) !== undefined) return position
        this.#preparation.start(position, this.#turns.credit)
        if (this.#preparation.busy) return -1
        continue
      }
      if (deadline > this.#host.runtime.now()) {
        this.#headTimer.set(deadline)
        return position
      }
      this.discard(position, 'expired')
    }
  }

  #mustCount(position: number): boolean {
    return this.#index.isUncounted(position) && this.#index.sequence(position) !== 0 && this.#host.log !== undefined
  }

  #take(position: number): number {
    this.#bytes -= this.#index.size(position)
    return this.#index.take(position)
  }

  #withhold(position: number): void {
    this.#bytes -= this.#index.size(position)
    this.#index.withhold(position)
  }

  #dropOverflow(): void {
    const { maxLength = Infinity, maxLengthBytes = Infinity, overflow = 'drop-head' } = this.definition.arguments
    if (overflow !== 'drop-head') return
    while (this.#index.ready > maxLength || this.#bytes > maxLengthBytes) {
      const head = this.#index.nextReady()
      if (head === -1) return
      this.discard(head, 'maxlen')
    }
  }

  #keep(message: Message): void {
    this.#kept++
    this.#host.memory.add(residentBytes(message))
  }

  #unkeep(message: Message): void {
    this.#kept--
    this.#host.memory.subtract(residentBytes(message))
  }

  #writeSettled(): void {
    if (this.#settled.length === 0) return
    const sequences = this.#settled
    this.#settled = []
    this.#host.log?.settle(this.id, sequences)
  }

  /** The deadline of a message as the log has it. */
  deadlineOf(publishedAt: number, ttlMs: number | undefined): number {
    return publishedAt + Math.min(ttlMs ?? Infinity, this.definition.arguments.messageTtlMs ?? Infinity)
  }
}
