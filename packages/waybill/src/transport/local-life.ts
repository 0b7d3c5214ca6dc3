import { asError } from '../message/as-error.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { LocalDelivery } from './local-delivery.ts'
import type { LocalQueue, Reject } from './local-queue.ts'
import type { Intake, LocalAttachment, LocalSource } from './local-source.ts'

export interface LifeEvents {
  /** It was attached, and is over. */
  lost(error: Error): void
  gap(): void
  /** Messages that came unasked do not fit. Told once, until one fits again. */
  dropping(): void
}

/**
 * One time that a subscription is attached, from when that is begun. It takes its attachment through its steps, each once and in
 * order, whatever comes between them; and what an earlier life is still told does nothing.
 */
export class LocalLife implements Intake {
  readonly #queue: LocalQueue
  readonly #events: LifeEvents
  readonly #attachment: LocalAttachment
  #beginning: Promise<void> | undefined
  /** Why. */
  #over: Error | undefined
  #dropping = false

  /** @throws {WaybillError} WAYBILL_NOT_CONNECTED while the link is down */
  constructor(source: LocalSource, queue: LocalQueue, events: LifeEvents) {
    this.#queue = queue
    this.#events = events
    this.#attachment = source.attachment(this)
  }

  /** Resolves when it is attached; rejects when it has ended before, with the reason. */
  async begin(): Promise<void> {
    try {
      await (this.#beginning = this.#attachment.begin())
    } catch (error) {
      this.#over ??= asError(error)
      throw error
    } finally {
      this.#beginning = undefined
      if (this.#over !== undefined) this.#attachment.end()
    }
    if (this.#over !== undefined) throw this.#over
  }

  freed(): void {
    if (this.isOpen && this.#beginning === undefined) this.#attachment.freed()
  }

  rejected(delivery: LocalDelivery, reject: Reject): void {
    if (this.#over === undefined) this.#attachment.rejected?.(delivery, reject)
  }

  /** Tells the server, where it has begun and not ended. */
  async leave(): Promise<void> {
    await this.#beginning
    if (this.#over === undefined) await this.#attachment.leave()
  }

  end(reason: Error): void {
    if (this.#over !== undefined) return
    this.#over = reason
    if (this.#beginning === undefined) this.#attachment.end()
  }

  get isOpen(): boolean {
    return this.#over === undefined && !this.#queue.isShut
  }

  room(ahead = 0): number {
    return this.isOpen ? this.#queue.room(ahead) : 0
  }

  add(message: WireMessage, shard: number, position?: string): void {
    if (this.isOpen) this.#queue.add(new LocalDelivery(message, shard, position))
  }

  offer(read: () => WireMessage | undefined, shard: number): void {
    if (!this.isOpen) return
    const wasDropping = this.#dropping
    this.#dropping = this.#queue.isFull
    if (this.#dropping) return wasDropping ? undefined : this.#events.dropping()
    const message = read()
    if (message !== undefined) this.add(message, shard)
  }

  gap(): void {
    if (this.isOpen) this.#events.gap()
  }

  lost(error: unknown): void {
    if (!this.isOpen) return
    const isBeginning = this.#beginning !== undefined
    this.end(asError(error))
    // Who waits for the beginning is told there.
    if (!isBeginning) this.#events.lost(asError(error))
  }
}
