import { WaybillError } from '../../../message/errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { Durable, MessageLog, RecoveredLog, StoredMessage } from '../../store/message-log.ts'

/** Bytes seem so many times as many, so that a short conversation comes to the marks at which publishers are held back. */
const MAGNIFIED = 20_000
const MOST_PENDING_BYTES = 64 * 1024 * 1024

interface Held {
  readonly message: StoredMessage
  readonly deliveries: Map<number, number>
}

/** A log in memory alone, whose disk takes a turn of the event loop, or waits until it is told to go on, or fails. */
export class StallingLog implements MessageLog {
  readonly blocked = false
  readonly #runtime: Runtime
  readonly #messages = new Map<number, Held>()
  readonly #definitions = new Map<string, string>()
  #lastSequence = 0
  #unsynced: { readonly done: Durable | undefined; readonly bytes: number }[] = []
  #isStalled = false
  #isScheduled = false
  #failure: WaybillError | undefined
  /** Told when the disk fails, as the owner of the log. */
  failed: (error: Error) => void = () => {}

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get pendingBytes(): number {
    return this.#unsynced.reduce((sum, { bytes }) => sum + bytes, 0) * MAGNIFIED
  }

  set isStalled(isStalled: boolean) {
    this.#isStalled = isStalled
    this.#schedule()
  }

  fail(): void {
    if (this.#failure !== undefined) return
    this.#failure = new WaybillError('WAYBILL_STORE_FAILED', 'the disk is gone')
    for (const { done } of this.#unsynced.splice(0)) done?.(this.#failure)
    this.failed(this.#failure)
  }

  publish(queues: readonly number[], message: StoredMessage, done: Durable, preface?: Uint8Array): number {
    if (this.pendingBytes > MOST_PENDING_BYTES) throw new WaybillError('WAYBILL_BACKPRESSURE', 'too much waits')
    return this.#store(queues, message, done, preface)
  }

  settle(queue: number, sequences: readonly number[], done?: Durable): void {
    for (const sequence of sequences) this.#settle(queue, sequence)
    this.#append(done, sequences.length * 8)
  }

  move(
    from: { readonly queue: number; readonly sequence: number },
    queues: readonly number[],
    message: StoredMessage,
    done: Durable,
  ): number {
    this.#settle(from.queue, from.sequence)
    return this.#store(queues, message, done)
  }

  countDelivery(queue: number, sequences: readonly number[], done: Durable): void {
    for (const sequence of sequences) {
      const deliveries = this.#messages.get(sequence)?.deliveries
      const counted = deliveries?.get(queue)
      if (counted !== undefined) deliveries?.set(queue, counted + 1)
    }
    this.#append(done, 16)
  }

  define(key: string, definition: string | undefined, done: Durable): void {
    if (definition === undefined) this.#definitions.delete(key)
    else this.#definitions.set(key, definition)
    this.#append(done, 16)
  }

  /** From memory or, by the number, as if from the disk. */
  read(sequence: number): StoredMessage | Promise<StoredMessage> {
    if (this.#failure !== undefined) throw this.#failure
    const held = this.#messages.get(sequence)
    if (held === undefined) throw new RangeError(`message ${sequence} is not in the log`)
    if (sequence % 2 === 0) return held.message
    const release = this.#runtime.hold('a read')
    return new Promise((resolve, reject) => {
      this.#runtime.defer(() => {
        release()
        if (this.#messages.has(sequence)) resolve(held.message)
        else reject(new RangeError(`message ${sequence} is not in the log`))
      })
    })
  }

  size(sequence: number): number {
    return this.#messages.get(sequence)?.message.body.length ?? 0
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#append((error) => (error === undefined ? resolve() : reject(error)), 0),
    )
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** What the next process would find. */
  recovered(next: StallingLog, unclean: boolean): RecoveredLog {
    const messages = [...this.#messages]
    next.#lastSequence = this.#lastSequence
    for (const [sequence, { message, deliveries }] of messages)
      next.#messages.set(sequence, { message, deliveries: new Map(deliveries) })
    return {
      log: next,
      definitions: new Map(this.#definitions),
      forEachMessage: (visit) => {
        for (const [sequence, { deliveries }] of messages)
          for (const [queue, count] of deliveries) visit(queue, sequence, count)
      },
      unclean,
    }
  }

  #store(queues: readonly number[], message: StoredMessage, done: Durable, preface?: Uint8Array): number {
    const sequence = (this.#lastSequence += Math.max(1, queues.length))
    const properties = Buffer.concat([preface ?? new Uint8Array(0), message.properties])
    const { exchange, routingKey, body } = message
    this.#messages.set(sequence, {
      message: { exchange, routingKey, properties, body: Buffer.from(body) },
      deliveries: new Map(queues.map((queue) => [queue, 0])),
    })
    this.#append(done, 64 + body.length)
    return sequence
  }

  #settle(queue: number, sequence: number): void {
    const deliveries = this.#messages.get(sequence)?.deliveries
    deliveries?.delete(queue)
    if (deliveries?.size === 0) this.#messages.delete(sequence)
  }

  #append(done: Durable | undefined, bytes: number): void {
    const failure = this.#failure
    if (failure !== undefined) return this.#runtime.defer(() => done?.(failure))
    this.#unsynced.push({ done, bytes })
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStalled) return
    this.#isScheduled = true
    this.#runtime.defer(() => {
      this.#isScheduled = false
      if (this.#isStalled) return
      for (const { done } of this.#unsynced.splice(0)) done?.(undefined)
      if (this.#unsynced.length > 0) this.#schedule()
    })
  }
}
