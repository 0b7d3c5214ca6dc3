import { WaybillError, isWaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Confirm, Message, PublishOptions } from './message.ts'
import type { Queue } from './queue/queue.ts'
import type { MessageLog, StoredMessage } from './store/message-log.ts'
import { toStored } from './stored-form.ts'

export interface PublishingHost {
  /** The log has `pendingBytes` to write now. */
  wrote(pendingBytes: number): void
  synced(pendingBytes: number): void
  fail(error: Error): void
}

/** Puts messages into queues: one record in the log for all of its durable ones, the same object in memory for the rest. */
export class Publishing {
  readonly #runtime: Runtime
  readonly #log: MessageLog | undefined
  readonly #host: PublishingHost

  constructor(runtime: Runtime, log: MessageLog | undefined, host: PublishingHost) {
    this.#runtime = runtime
    this.#log = log
    this.#host = host
  }

  /** All queues take it, or none does and it is refused. */
  publish(queues: readonly Queue[], message: Message, options: PublishOptions, confirm: Confirm): void {
    if (queues.length === 0) return confirm('unroutable', undefined)
    for (const queue of queues) if (queue.isFull) return confirm('refused', queueFull(queue))
    const stored = options.persistent ? this.storedIn(queues) : NONE
    const log = this.#log
    if (log === undefined || stored.length === 0) {
      this.enqueue(queues, 0, message, options.ttlMs)
      return confirm('accepted', undefined)
    }
    const times = { publishedAt: this.#runtime.now(), ttlMs: options.ttlMs, dueAt: undefined }
    const sequence = this.store(log, stored, toStored(message, times), confirm)
    if (sequence !== undefined) this.enqueue(queues, sequence, message, options.ttlMs)
  }

  /** Writes a record for `ids` and confirms it once it is synced; `undefined` when it is refused at once. */
  store(log: MessageLog, ids: readonly number[], message: StoredMessage, confirm: Confirm): number | undefined {
    try {
      const sequence = log.publish(ids, message, (error) => {
        if (error !== undefined) this.#host.fail(error)
        else this.#host.synced(log.pendingBytes)
        confirm(error === undefined ? 'accepted' : 'refused', error)
      })
      this.#host.wrote(log.pendingBytes)
      return sequence
    } catch (error) {
      if (!isWaybillError(error)) throw error
      confirm('refused', error)
      return undefined
    }
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
    const now = this.#runtime.now()
    for (const queue of queues) queue.enqueue(queue.isStored ? sequence : 0, message, now, ttlMs)
  }
}

const NONE: readonly number[] = []

function queueFull(queue: Queue): WaybillError {
  return new WaybillError('WAYBILL_REFUSED', `queue '${queue.name}' is full: ${queue.ready} messages are ready`)
}
