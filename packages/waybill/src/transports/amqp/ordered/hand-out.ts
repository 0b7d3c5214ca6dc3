import type { Runtime } from '../../../runtime/runtime.ts'
import type { DeliveryOwner, OrderedDelivery } from './ordered-delivery.ts'

/** Hands out what the gates of all shards let through, at most `prefetch` unsettled at a time. */
export class HandOut {
  readonly #runtime: Runtime
  readonly #receive: (batch: readonly OrderedDelivery[]) => void
  /** Let through by a gate, and waiting for room; at most a window for each shard. */
  #ready: OrderedDelivery[] = []
  #handed = 0
  #prefetch: number
  #pumping = false
  #ended = false

  constructor(prefetch: number, runtime: Runtime, receive: (batch: readonly OrderedDelivery[]) => void) {
    this.#prefetch = prefetch
    this.#runtime = runtime
    this.#receive = receive
  }

  add(delivery: OrderedDelivery): void {
    this.#ready.push(delivery)
    this.resume()
  }

  settled(owner: DeliveryOwner): void {
    this.#handed--
    owner.handed--
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.resume()
  }

  /** What the owner has not handed out yet stays with the broker. */
  withdraw(owner: DeliveryOwner): void {
    this.#ready = this.#ready.filter((delivery) => {
      if (delivery.owner === owner) owner.forget()
      return delivery.owner !== owner
    })
  }

  /** What the owner had handed out takes no room any more. */
  gone(owner: DeliveryOwner): void {
    this.#handed -= owner.handed
  }

  /** All is void. */
  clear(): void {
    this.#ready = []
    this.#handed = 0
  }

  end(): void {
    this.#ended = true
  }

  /** There may be room again. */
  resume(): void {
    if (this.#pumping || this.#ready.length === 0) return
    this.#pumping = true
    this.#runtime.defer(() => {
      this.#pumping = false
      if (this.#ended) return
      const batch = this.#ready.splice(0, Math.max(0, this.#prefetch - this.#handed))
      if (batch.length === 0) return
      this.#handed += batch.length
      for (const delivery of batch) delivery.owner.handed++
      this.#receive(batch)
    })
  }
}
