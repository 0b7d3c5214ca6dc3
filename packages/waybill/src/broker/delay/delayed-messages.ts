import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { residentBytes, type ConfirmSink, type Message, type PublishOptions } from '../message.ts'
import type { Publishing } from '../publishing.ts'
import type { Queue } from '../queue/queue.ts'
import type { ResidentMemory } from '../resident-memory.ts'
import type { MessageLog } from '../store/message-log.ts'
import { readStored } from '../store-reading.ts'
import { fromStored, storedPreface, toStored, type StoredForm } from '../stored-form.ts'
import { DueHeap } from './due-heap.ts'

/** Most messages of a virtual host waiting at a time, 24 bytes each and, when transient, themselves. */
const MAX_WAITING = 2_000_000

/** Routed in one turn of the event loop. */
const BURST = 512

/** Read together as the broker opens: enough to keep the disk busy, few enough to be in memory at a time. */
const READ_AT_ONCE = 64

/** Longest delay: a year. */
export const MAX_DELAY_MS: number = 365 * 86_400_000

interface Waiting {
  readonly message: Message
  readonly ttlMs: number | undefined
}

export interface DelayHost {
  /** The number in the log of the queue of those that wait; no real queue has it. */
  readonly queue: number
  readonly runtime: Runtime
  readonly log: MessageLog | undefined
  readonly memory: ResidentMemory
  readonly publishing: Publishing
  /** Where a message goes now that it is due, and what is handed out. */
  route(message: Message): { readonly queues: readonly Queue[]; readonly message: Message }
  readonly fail: (error: Error) => void
}

/**
 * Holds messages until they are due, then routes them. A persistent one waits in the log, under a queue number of its
 * own, and goes to its queues by a move; a transient one waits in memory. When it is due it enters a full queue too.
 */
export class DelayedMessages {
  readonly #host: DelayHost
  readonly #heap = new DueHeap()
  /** By item: positive ones are sequences of the log and not here. */
  readonly #inMemory = new Map<number, Waiting>()
  #lastInMemory = 0
  #timer: Timer | undefined
  #timerDue = Infinity

  constructor(host: DelayHost) {
    this.#host = host
  }

  get size(): number {
    return this.#heap.size
  }

  add(
    message: Message,
    options: PublishOptions,
    delayMs: number,
    durable: boolean,
    sink: ConfirmSink,
    tag: number,
  ): void {
    const { runtime, log } = this.#host
    if (!(delayMs <= MAX_DELAY_MS)) {
      return sink.confirmed(
        tag,
        'refused',
        new WaybillError('WAYBILL_LIMIT', `a delay of ${delayMs} ms is above ${MAX_DELAY_MS}`),
      )
    }
    if (this.#heap.size >= MAX_WAITING) {
      return sink.confirmed(
        tag,
        'refused',
        new WaybillError('WAYBILL_REFUSED', `${MAX_WAITING} delayed messages are waiting`),
      )
    }
    const publishedAt = runtime.now()
    const dueAt = Math.ceil(publishedAt + delayMs)
    if (log === undefined || !durable || !options.persistent) {
      const item = --this.#lastInMemory
      this.#inMemory.set(item, { message, ttlMs: options.ttlMs })
      this.#host.memory.add(residentBytes(message))
      this.#wait(dueAt, item)
      return sink.confirmed(tag, 'accepted', undefined)
    }
    const preface = storedPreface(publishedAt, options.ttlMs, dueAt)
    const sequence = this.#host.publishing.store(log, [this.#host.queue], message, preface, sink, tag)
    if (sequence !== 0) this.#wait(dueAt, sequence)
  }

  /** Takes up messages that the log held when it was opened. */
  async recover(sequences: readonly number[]): Promise<void> {
    const log = this.#host.log
    if (log === undefined) return
    for (let at = 0; at < sequences.length; at += READ_AT_ONCE) {
      const part = sequences.slice(at, at + READ_AT_ONCE)
      const read = await Promise.all(part.map(async (sequence) => await log.read(sequence)))
      read.forEach((stored, n) => this.#heap.push(fromStored(stored).times.dueAt ?? 0, part[n] ?? 0))
    }
    this.#arm()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timerDue = Infinity
  }

  /** Forgets all that wait, in the log too. */
  drop(): void {
    this.close()
    const stored: number[] = []
    while (this.#heap.size > 0) {
      const item = this.#heap.pop()
      if (item > 0) stored.push(item)
    }
    for (const { message } of this.#inMemory.values()) this.#host.memory.subtract(residentBytes(message))
    this.#inMemory.clear()
    if (stored.length > 0) this.#host.log?.settle(this.#host.queue, stored)
  }

  #wait(dueAt: number, item: number): void {
    this.#heap.push(dueAt, item)
    this.#arm()
  }

  #arm(): void {
    const { runtime } = this.#host
    const due = this.#heap.next
    if (due >= this.#timerDue) return
    this.#timer?.cancel()
    this.#timerDue = due
    this.#timer = runtime.setTimer(due - runtime.now(), () => {
      this.#timerDue = Infinity
      this.#routeDue()
    })
  }

  #routeDue(): void {
    const now = this.#host.runtime.now()
    for (let routed = 0; routed < BURST && this.#heap.next <= now; routed++) this.#route(this.#heap.pop())
    this.#arm()
  }

  #route(item: number): void {
    const waiting = this.#inMemory.get(item)
    if (waiting !== undefined) {
      this.#inMemory.delete(item)
      this.#host.memory.subtract(residentBytes(waiting.message))
      const { queues, message } = this.#host.route(waiting.message)
      return this.#host.publishing.enqueue(queues, 0, message, waiting.ttlMs)
    }
    if (this.#host.log === undefined) return
    const release = this.#host.runtime.hold('delayed message read from the log')
    readStored(
      this.#host.log,
      item,
      (stored) => {
        this.#move(item, stored)
        release()
      },
      (error) => {
        this.#host.fail(error)
        release()
      },
    )
  }

  #move(sequence: number, { message: waiting, times }: StoredForm): void {
    const { log, publishing, runtime } = this.#host
    if (log === undefined) return
    const { queues, message } = this.#host.route(waiting)
    const durable = publishing.storedIn(queues)
    if (durable.length === 0) {
      log.settle(this.#host.queue, [sequence])
      return publishing.enqueue(queues, 0, message, times.ttlMs)
    }
    const record = toStored(message, { publishedAt: runtime.now(), ttlMs: times.ttlMs, dueAt: undefined })
    const moved = log.move({ queue: this.#host.queue, sequence }, durable, record, (error) => {
      if (error !== undefined) this.#host.fail(error)
    })
    publishing.enqueue(queues, moved, message, times.ttlMs)
  }
}
