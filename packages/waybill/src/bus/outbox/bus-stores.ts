// The stores of one bus: each is opened once, relayed by one relay, and closed at the end.
import type { Relay } from '../../outbox/relay.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Store } from '../../store/store.ts'
import type { SendQueue } from '../sending/send-queue.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import type { OutboxHealth } from './outbox-health.ts'
import type { RelayedStore } from './relayed-store.ts'

export class BusStores {
  readonly #settings: BusSettings
  readonly #sends: SendQueue
  readonly #deadlines: Deadlines
  #stores: readonly RelayedStore[] = []
  /** Those whose opening has begun. */
  readonly #begun: RelayedStore[] = []

  constructor(settings: BusSettings, sends: SendQueue, deadlines: Deadlines) {
    this.#settings = settings
    this.#sends = sends
    this.#deadlines = deadlines
  }

  /** What relays the rows of a store of this bus, once it is open. */
  relayOf(store: Store<unknown>): Relay {
    const found = this.#stores.find((each) => each.store === store)
    if (found === undefined) throw new Error('a store that this bus does not know')
    return found.relay
  }

  /** Rejects with what the first store that cannot be opened says. */
  async open(signal: AbortSignal): Promise<void> {
    const { stores, runtime } = this.#settings
    if (stores.length === 0) return
    // A bus without stores starts sooner without all that relays.
    const { RelayedStore } = await import('./relayed-store.ts')
    signal.throwIfAborted()
    this.#stores = stores.map((store) => new RelayedStore(store, this.#settings, this.#sends))
    for (const each of this.#stores) {
      this.#begun.push(each)
      await each.store.open(runtime, signal)
      signal.throwIfAborted()
    }
  }

  /** Begins to relay, and to forget. */
  async start(): Promise<void> {
    for (const each of this.#stores) await each.start()
  }

  /** Sends what is committed, within `deadlineMs`. */
  async drain(deadlineMs: number): Promise<void> {
    await Promise.all(this.#begun.map((each) => each.drain(deadlineMs)))
  }

  async close(): Promise<void> {
    await Promise.all(this.#begun.map(({ store }) => store.close()))
  }

  /** One for each store. Never rejects. */
  async health(withinMs: number): Promise<readonly OutboxHealth[]> {
    return await Promise.all(this.#stores.map((each) => each.health(this.#deadlines, withinMs)))
  }
}
