import type { Runtime } from '../../runtime/runtime.ts'
import type { Settlement } from '../transport.ts'
import { OrderedDelivery, type DeliveryOwner } from './ordered-delivery.ts'

/**
 * Messages of one shard in this process at the least, however small the prefetch: the messages of one key wait for each other
 * here, and must not hide those of other keys.
 */
const MIN_WINDOW = 32

/** How many messages of one shard are in this process at the most. */
export function windowFor(prefetch: number): number {
  return Math.max(MIN_WINDOW, 2 * prefetch)
}

export interface HandOutSeam<Item> {
  receive(batch: readonly OrderedDelivery<Item>[]): void
  /** Whether this member still counts: who has been silent for too long hands nothing out, since it may be another's by now. */
  isHeld(): boolean
  ownerOf(shard: number): DeliveryOwner<Item> | undefined
}

/** Hands out what the gates of all shards let through, at most `prefetch` unsettled at a time, and takes the settlements. */
export class HandOut<Item> {
  readonly #runtime: Runtime
  readonly #seam: HandOutSeam<Item>
  /** Let through by a gate, and waiting for room; at most a window for each shard. */
  #ready: OrderedDelivery<Item>[] = []
  #handed = 0
  #prefetch: number
  #pumping = false
  #ended = false

  constructor(prefetch: number, runtime: Runtime, seam: HandOutSeam<Item>) {
    this.#prefetch = prefetch
    this.#runtime = runtime
    this.#seam = seam
  }

  add(delivery: OrderedDelivery<Item>): void {
    this.#ready.push(delivery)
    this.#pump()
  }

  /** A settlement of what is another owner's by now says nothing. */
  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof OrderedDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      const owner = this.#seam.ownerOf(delivery.shard)
      if (delivery.settled || owner === undefined || owner !== delivery.owner) continue
      delivery.settled = true
      this.#handed--
      owner.handed--
      owner.settle(delivery, settlement)
    }
    this.#pump()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#pump()
  }

  /** The owner hands out no more: what has not reached the application will not. */
  withdraw(owner: DeliveryOwner<Item>): void {
    this.#ready = this.#ready.filter((delivery) => {
      if (delivery.owner === owner) owner.forget()
      return delivery.owner !== owner
    })
  }

  /** Nothing of the owner counts any more, and what it had handed out takes no room. */
  drop(owner: DeliveryOwner<Item>): void {
    this.#handed -= owner.handed
    owner.handed = 0
    this.#ready = this.#ready.filter((delivery) => delivery.owner !== owner)
    this.#pump()
  }

  /** All is void. */
  clear(): void {
    this.#ready = []
    this.#handed = 0
  }

  end(): void {
    this.#ended = true
  }

  #pump(): void {
    if (this.#pumping || this.#ready.length === 0) return
    this.#pumping = true
    this.#runtime.defer(() => {
      this.#pumping = false
      if (this.#ended || this.#ready.length === 0 || !this.#seam.isHeld()) return
      const batch = this.#ready.splice(0, Math.max(0, this.#prefetch - this.#handed))
      if (batch.length === 0) return
      this.#handed += batch.length
      for (const delivery of batch) delivery.owner.handed++
      this.#seam.receive(batch)
    })
  }
}
