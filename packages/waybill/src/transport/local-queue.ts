import { Deadlines } from '../runtime/deadlines.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Idle } from './idle.ts'
import type { Delivery, Settlement } from './transport.ts'
import { LocalDelivery } from './local-delivery.ts'
import { retried } from './settled-message.ts'

export type Reject = Pick<Extract<Settlement, { readonly action: 'reject' }>, 'reason' | 'detail' | 'failure'>

export interface LocalEvents {
  /** There is room for more. */
  freed(): void
  /** What becomes of it, where anything does. */
  rejected(delivery: LocalDelivery, reject: Reject): void
}

/** Beyond these it is full: who fills it decides what becomes of the rest. */
const MOST_HELD = 65_536
const MOST_BYTES_HELD = 64 * 2 ** 20

/**
 * Messages that are in this process alone: hands them out within the prefetch, and keeps what is to be tried again until it
 * is due. They go with the process, and with nothing before: a link that is lost takes nothing from here.
 */
export class LocalQueue {
  readonly #runtime: Runtime
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #events: LocalEvents
  readonly #deadlines: Deadlines
  readonly idle: Idle
  #ready: LocalDelivery[] = []
  /** Everything that has not been settled for good: ready, handed out, or waiting for its retry. */
  readonly #held = new Set<LocalDelivery>()
  /** Of the bodies of what is held. */
  #bytes = 0
  #prefetch: number
  #pumping = false
  #shut = false

  constructor(runtime: Runtime, prefetch: number, receive: (batch: readonly Delivery[]) => void, events: LocalEvents) {
    this.#runtime = runtime
    this.#prefetch = prefetch
    this.#receive = receive
    this.#events = events
    this.#deadlines = new Deadlines(runtime)
    this.idle = new Idle(runtime)
  }

  get isShut(): boolean {
    return this.#shut
  }

  get isFull(): boolean {
    return this.#held.size >= MOST_HELD || this.#bytes >= MOST_BYTES_HELD
  }

  /** How many deliveries may come, `ahead` of them beyond what could be handed out at once. */
  room(ahead = 0): number {
    if (this.#shut || this.isFull) return 0
    return Math.max(0, this.#prefetch + ahead - this.idle.count - this.#ready.length)
  }

  add(delivery: LocalDelivery): void {
    if (this.#shut) return
    this.#hold(delivery)
    this.#ready.push(delivery)
    this.#pump()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof LocalDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (!this.#release(delivery)) continue
      this.idle.remove(1)
      if (settlement.action === 'reject') this.#events.rejected(delivery, settlement)
      else if (settlement.action === 'retry') this.#later(delivery, settlement)
    }
    this.#pump()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#pump()
  }

  /** Hands out nothing more; what is handed out may still be settled. */
  shut(): void {
    this.#shut = true
    this.#deadlines.clear()
  }

  /** Everything it holds is void. */
  clear(): void {
    this.#ready = []
    this.#held.clear()
    this.#bytes = 0
    this.#deadlines.clear()
    this.idle.reset()
  }

  #later(delivery: LocalDelivery, retry: Extract<Settlement, { readonly action: 'retry' }>): void {
    const again = new LocalDelivery(retried(retry), delivery.shard, delivery.position)
    this.#hold(again)
    if (retry.afterMs <= 0) this.#ready.push(again)
    else this.#deadlines.add(retry.afterMs, () => this.add(again))
  }

  #hold(delivery: LocalDelivery): void {
    if (!this.#held.has(delivery)) this.#bytes += delivery.message.body.length
    this.#held.add(delivery)
  }

  /** Whether it was held. */
  #release(delivery: LocalDelivery): boolean {
    if (!this.#held.delete(delivery)) return false
    this.#bytes -= delivery.message.body.length
    return true
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#runtime.defer(() => {
      this.#pumping = false
      if (this.#shut) return
      this.#handOut()
      this.#events.freed()
    })
  }

  #handOut(): void {
    const now = this.#runtime.now()
    const batch: LocalDelivery[] = []
    let seen = 0
    for (const delivery of this.#ready) {
      if (this.idle.count + batch.length >= this.#prefetch) break
      seen++
      const { expiresAt } = delivery.message
      if (expiresAt === undefined || expiresAt > now) {
        batch.push(delivery)
        continue
      }
      this.#release(delivery)
      this.#events.rejected(delivery, { reason: 'expired', detail: 'expired before it was handled' })
    }
    // Once for all, since a long list moves with each.
    this.#ready.splice(0, seen)
    if (batch.length === 0) return
    this.idle.add(batch.length)
    this.#receive(batch)
  }
}
