import { WaybillError, isWaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ConfirmSink, Message, PublishOptions } from './message.ts'
import { PendingConfirms } from './pending-confirms.ts'
import type { Queue } from './queue/queue.ts'
import type { Durable, MessageLog } from './store/message-log.ts'
import { storedPreface } from './stored-form.ts'
import { TurnClock } from './turn-clock.ts'

export interface PublishingHost {
  /** The log has `pendingBytes` to write now. */
  wrote(pendingBytes: number): void
  synced(pendingBytes: number): void
  fail(error: Error): void
}

/** Puts messages into queues: one record in the log for all of its durable ones, the same object in memory for the rest. */
export class Publishing {
  readonly #clock: TurnClock
  readonly #log: MessageLog | undefined
  readonly #host: PublishingHost
  readonly #pending = new PendingConfirms()
  /** The log calls in the order of its records, so one function serves all. */
  readonly #written: Durable = (error) => {
    if (error !== undefined) this.#host.fail(error)
    else if (this.#log !== undefined) this.#host.synced(this.#log.pendingBytes)
    this.#pending.tellFirst(error === undefined ? 'accepted' : 'refused', error)
  }

  constructor(runtime: Runtime, log: MessageLog | undefined, host: PublishingHost) {
    this.#clock = new TurnClock(runtime)
    this.#log = log
    this.#host = host
  }

  /** All queues take it, or none does and it is refused. */
  publish(queues: readonly Queue[], message: Message, options: PublishOptions, sink: ConfirmSink, tag: number): void {
    if (queues.length === 0) return sink.confirmed(tag, 'unroutable', undefined)
    for (const queue of queues) if (queue.isFull) return this.#refuse(queue, queues, message, sink, tag)
    const stored = options.persistent ? this.storedIn(queues) : NONE
    const log = this.#log
    if (log === undefined || stored.length === 0) {
      this.enqueue(queues, 0, message, options.ttlMs)
      return sink.confirmed(tag, 'accepted', undefined)
    }
    const preface = storedPreface(this.#clock.now(), options.ttlMs, undefined)
    const sequence = this.store(log, stored, message, preface, sink, tag)
    if (sequence !== 0) this.enqueue(queues, sequence, message, options.ttlMs)
  }

  #refuse(full: Queue, queues: readonly Queue[], message: Message, sink: ConfirmSink, tag: number): void {
    for (const queue of queues) if (queue.isFull) queue.refuse(message)
    sink.confirmed(tag, 'refused', queueFull(full))
  }

  /** Writes a record for `ids` and confirms it once it is synced. Its sequence; 0 when it is refused at once. */
  store(
    log: MessageLog,
    ids: readonly number[],
    message: Message,
    preface: Uint8Array,
    sink: ConfirmSink,
    tag: number,
  ): number {
    let sequence: number
    try {
      sequence = log.publish(ids, message, this.#written, preface)
    } catch (error) {
      if (!isWaybillError(error)) throw error
      sink.confirmed(tag, 'refused', error)
      return 0
    }
    this.#pending.push(sink, tag)
    this.#host.wrote(log.pendingBytes)
    return sequence
  }

  /** The numbers of the queues that store a persistent message. */
  storedIn(queues: readonly Queue[]): readonly number[] {
    if (this.#log === undefined) return NONE
    const ids: number[] = []
    for (const queue of queues) if (queue.isStored) ids.push(queue.id)
    return ids
  }

  /** @param sequence the message's number in the log, for the durable queues; 0 when it is not stored */
  enqueue(queues: readonly Queue[], sequence: number, message: Message, ttlMs: number | undefined): void {
    const now = this.#clock.now()
    for (const queue of queues) queue.enqueue(queue.isStored ? sequence : 0, message, now, ttlMs)
  }
}

const NONE: readonly number[] = []

function queueFull(queue: Queue): WaybillError {
  return new WaybillError('WAYBILL_REFUSED', `queue '${queue.name}' is full: ${queue.ready} messages are ready`)
}
