import type { DeathReason } from '../dead-letter/death-reason.ts'
import { MessageCounters } from '../message-counters.ts'
import type { Message } from '../message.ts'
import { effectiveArguments } from '../policy/effective-arguments.ts'
import type { AppliedPolicy } from '../policy/policy-settings.ts'
import { ReplyError } from '../reply-error.ts'
import { AttachedConsumers } from './attached-consumers.ts'
import { emptyInParts } from './empty-in-parts.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { QueueContents } from './queue-contents.ts'
import type { QueueArguments, QueueDefinition } from './queue-definition.ts'
import { NOW_OR_NEVER, QueueFront, type Demand } from './queue-front.ts'
import type { QueueHost } from './queue-host.ts'
import type { QueueIndex } from './queue-index.ts'
import { RecoveredMessages } from './recovered-messages.ts'
import { SettledBatch } from './settled-batch.ts'

/** Messages handed out by one queue in one turn of the event loop, so that the others have theirs. */
const BURST = 1_024

/** What basic.get asks for. */
const ONE: Demand = { credit: 1 }

/** A message that basic.get takes. */
export interface Taken {
  readonly position: number
  readonly message: Message
  readonly deliveryCount: number
}

/** One queue: which messages it holds, who consumes them, and whose turn it is. All methods are synchronous, but one. */
export class Queue {
  readonly definition: QueueDefinition
  /** Number of the queue in the log; never used for another one. */
  readonly id: number
  /** Whose an exclusive queue is: its connection. */
  readonly owner: object | undefined
  /** The route of a message to this queue alone. */
  readonly alone: readonly Queue[] = [this]
  readonly counters: MessageCounters = new MessageCounters()
  readonly #host: QueueHost
  readonly #contents: QueueContents
  readonly #index: QueueIndex
  readonly #recovered: RecoveredMessages
  readonly #front: QueueFront
  readonly #consumers: AttachedConsumers
  readonly #settled: SettledBatch
  /** What the queue was declared with, and what its policy says. */
  #arguments: QueueArguments
  #policy: AppliedPolicy | undefined
  #isScheduled = false
  #deleted = false

  constructor(definition: QueueDefinition, id: number, owner: object | undefined, host: QueueHost) {
    this.definition = definition
    this.id = id
    this.owner = owner
    this.#host = host
    this.#arguments = definition.arguments
    this.#contents = new QueueContents(definition.arguments, host.memory)
    this.#index = this.#contents.index
    this.#recovered = new RecoveredMessages(this.#contents, host.log)
    this.#front = new QueueFront(this, this.#index, this.#recovered, host)
    this.#consumers = new AttachedConsumers(definition, host)
    this.#settled = new SettledBatch(host.log, id)
  }

  get name(): string {
    return this.definition.name
  }

  /** In the words of errors. */
  get where(): string {
    return `queue '${this.name}' in vhost '${this.#host.vhost}'`
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
    return this.#consumers.count
  }

  /** The single active consumer, where there is to be one. */
  get activeConsumer(): QueueConsumer | undefined {
    return this.#consumers.active
  }

  /** What holds for it: its declaration's arguments, and its policy's. */
  get arguments(): QueueArguments {
    return this.#arguments
  }

  get policy(): AppliedPolicy | undefined {
    return this.#policy
  }

  /** Messages keep the life that they came in with; limits hold at once. */
  set policy(policy: AppliedPolicy | undefined) {
    if (policy === this.#policy) return
    const { expiresMs } = this.#arguments
    this.#policy = policy
    this.#arguments = effectiveArguments(this.definition.arguments, policy?.settings.queue)
    this.#contents.limit(this.#arguments)
    if (expiresMs !== this.#arguments.expiresMs) this.#consumers.expiresMs = this.#arguments.expiresMs
    if (this.#contents.isTooLong) this.wake()
  }

  /** Whether messages that are given up go to a dead-letter exchange. */
  get keepsDead(): boolean {
    return this.#arguments.deadLetterExchange !== undefined
  }

  get deleted(): boolean {
    return this.#deleted
  }

  /** Whether the next publish is refused, by `x-overflow`. What consumers take in the next turn is as good as gone. */
  get isFull(): boolean {
    return this.#contents.isFull(0) && this.#contents.isFull(this.#consumers.credit)
  }

  /** A publish was refused because the queue is full: by `reject-publish-dlx` it becomes a dead letter. */
  refuse(message: Message): void {
    if (this.#arguments.overflow !== 'reject-publish-dlx' || !this.keepsDead) return
    this.#host.deadLetter(undefined, message, 'maxlen')
  }

  /** Somebody asked for it (`x-expires`). */
  touch(): void {
    this.#consumers.touch()
  }

  /**
   * Adds a message at the end.
   *
   * @param sequence its number in the log; 0 when it is in memory alone
   * @param ttlMs its own, from `publishedAt`; the queue's may be shorter
   */
  enqueue(sequence: number, message: Message, publishedAt: number, ttlMs: number | undefined): void {
    const life = this.#life(ttlMs)
    this.counters.published++
    const position = this.#contents.append(sequence, message, life === 0 ? NOW_OR_NEVER : publishedAt + life)
    // It is for a consumer that can take it now, or for nobody (RabbitMQ, Time-To-Live).
    if (life === 0 && this.#consumers.credit < this.#index.ready) this.discard(position, 'expired')
    // Else those that can be taken are, and the rest is dropped after that.
    if (this.#contents.isTooLong && this.#consumers.credit === 0) this.#dropOverflow()
    if (this.#consumers.count > 0 || life !== Infinity) this.wake()
  }

  /** Takes up a message that the log held when it was opened. */
  recover(sequence: number, deliveries: number, suspect: boolean): void {
    this.#recovered.add(sequence, deliveries, suspect)
  }

  /** Resolves when all that was recovered is in its place. */
  recovered(): Promise<void> {
    return this.#recovered.complete(({ publishedAt, ttlMs }) => this.deadlineOf(publishedAt, ttlMs))
  }

  /** @throws {ReplyError} 403 when it is in exclusive use, or cannot be */
  addConsumer(consumer: QueueConsumer, exclusive: boolean): void {
    this.#consumers.add(consumer, exclusive)
    this.wake()
  }

  /** Its unsettled messages stay so: `requeue` them. */
  removeConsumer(consumer: QueueConsumer): void {
    if (this.#consumers.remove(consumer)) this.wake()
  }

  /** There may be something to do: in a later turn, `run` is called. */
  wake(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#host.schedule()
  }

  /** One turn: writes down what was settled, drops what has expired, hands out what it can. */
  run(): void {
    this.#isScheduled = false
    this.#settled.write()
    if (this.#deleted) return
    const consumers = this.#consumers
    let handed = 0
    for (; handed < BURST; handed++) {
      const position = this.#front.head(consumers)
      if (position === -1) break
      const consumer = consumers.next()
      if (consumer === undefined || !this.#front.isFit(position, consumers)) break
      const message = this.#index.message(position) as Message // it is fit
      const deliveryCount = this.#contents.take(position)
      this.counters.handedOut(consumer.noAck, deliveryCount)
      consumer.offer(position, message, deliveryCount)
      if (consumer.noAck) this.settle(position)
      consumers.served(consumer)
    }
    if (handed === BURST) this.wake()
    else if (this.#contents.isTooLong) this.#dropOverflow()
    this.#front.wait()
    consumers.flush()
  }

  /**
   * basic.get: the next message, unless none is ready or the next is still on its way from disk.
   *
   * @throws {ReplyError} 405 where a single active consumer must have them all
   */
  get(noAck: boolean): Taken | 'empty' | 'loading' {
    const { singleActiveConsumer = false, queueType } = this.definition.arguments
    if (singleActiveConsumer && queueType === 'quorum') {
      throw new ReplyError(405, `${this.where} has a single active consumer: it takes no basic.get`)
    }
    this.touch()
    const position = this.#front.head(ONE)
    if (position === -1) {
      if (this.#index.ready > 0) return 'loading'
      this.counters.gotNothing++
      return 'empty'
    }
    if (!this.#front.isFit(position, ONE)) return 'loading'
    const message = this.#index.message(position) as Message // it is fit
    const deliveryCount = this.#contents.take(position)
    this.counters.taken(noAck, deliveryCount)
    if (noAck) this.settle(position)
    this.#front.wait()
    return { position, message, deliveryCount }
  }

  /** Done with: forgets the message. */
  settle(position: number): void {
    if (this.#deleted) return
    const sequence = this.#contents.remove(position)
    if (sequence <= 0) return
    this.#settled.add(sequence)
    this.wake()
  }

  /** Returns an unsettled message to its place; one that has come back too often is dead-lettered. */
  requeue(position: number): void {
    if (this.#deleted || !this.#contents.putBack(position)) return
    const { deliveryLimit = -1 } = this.#arguments
    if (deliveryLimit >= 0 && this.#index.deliveries(position) > deliveryLimit) this.discard(position, 'delivery_limit')
    else if (this.#index.deadline(position) === NOW_OR_NEVER) this.discard(position, 'expired')
    else this.wake()
  }

  /** Takes a message out for `reason`: to the dead-letter exchange where there is one, else it is forgotten. */
  discard(position: number, reason: DeathReason): void {
    if (!this.holds(position)) return
    if (!this.keepsDead) return this.settle(position)
    if (this.#index.isReady(position)) this.#contents.withhold(position)
    const message = this.#index.message(position)
    if (message !== undefined) return this.#host.deadLetter(position, message, reason)
    this.#front.read(position, (read) => {
      if (this.holds(position)) this.#host.deadLetter(position, read, reason)
    })
  }

  /** Forgets a message that the log has already forgotten for this queue. */
  forget(position: number): void {
    if (!this.#deleted) this.#contents.remove(position)
  }

  holds(position: number): boolean {
    return !this.#deleted && this.#index.isLive(position)
  }

  /** The message's number in the log, 0 when it is in memory alone. */
  sequence(position: number): number {
    return this.#index.sequence(position)
  }

  /** Forgets as many messages as are ready; `done` is told how many, at once or, where they are very many, later. */
  purge(done: (messages: number) => void = ignore): void {
    let left = this.#index.ready
    emptyInParts(this.#host.runtime, {
      forgetNext: () => {
        const position = this.#deleted || left-- <= 0 ? -1 : this.#index.nextReady()
        if (position !== -1) this.settle(position)
        return position !== -1
      },
      write: () => this.#settled.write(),
      done,
    })
  }

  /** Keeps the content of a message that was read, until it is settled. */
  loaded(position: number, message: Message, deadline: number): void {
    if (!this.#deleted) this.#contents.loaded(position, message, deadline)
  }

  /** The deadline of a message as the log has it. */
  deadlineOf(publishedAt: number, ttlMs: number | undefined): number {
    return publishedAt + this.#life(ttlMs)
  }

  /** Ends the queue: consumers are told, messages forgotten, which may take a few turns of the event loop. */
  delete(): void {
    this.#deleted = true
    this.#stopTimers()
    let position = 0
    emptyInParts(this.#host.runtime, {
      forgetNext: () => {
        position = this.#index.nextLive(position)
        if (position === -1) return false
        const sequence = this.#contents.remove(position)
        if (sequence > 0) this.#settled.add(sequence)
        return true
      },
      write: () => this.#settled.write(),
      done: ignore,
    })
    this.#consumers.cancelAll(new ReplyError(404, `${this.where} was deleted`, 'WAYBILL_SUBSCRIPTION_LOST'))
  }

  /** Stops timers and writes down what was settled, as the broker closes. */
  close(): void {
    this.#settled.write()
    this.#front.countAll()
    this.#stopTimers()
  }

  #stopTimers(): void {
    this.#consumers.stop()
    this.#front.stop()
  }

  /** The shorter of a message's own life and that of all in the queue; Infinity without either. */
  #life(ttlMs: number | undefined): number {
    return Math.min(ttlMs ?? Infinity, this.#arguments.messageTtlMs ?? Infinity)
  }

  /** Drops from the head; who is the head then may expire. */
  #dropOverflow(): void {
    for (let dropped = 0; dropped < BURST && this.#contents.isTooLong; dropped++) {
      const head = this.#index.nextReady()
      if (head === -1) break
      this.discard(head, 'maxlen')
    }
    this.wake()
  }
}

function ignore(): void {}
