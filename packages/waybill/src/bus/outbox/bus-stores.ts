// The stores of one bus: each is opened once, relayed by one relay, and closed at the end.
import { asText } from '../../message/as-error.ts'
import { Forgetter } from '../../inbox/forgetter.ts'
import { Relay } from '../../outbox/relay.ts'
import type { OutboxRow, OutboxSnapshot, Store } from '../../store/store.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { OutboxHealth } from './outbox-health.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import { within } from '../../runtime/within.ts'
import type { SendQueue } from '../sending/send-queue.ts'
import { sendRow } from './send-row.ts'

interface Opened {
  readonly store: Store<unknown>
  readonly relay: Relay
  readonly forgetter: Forgetter
}

export class BusStores {
  readonly #settings: BusSettings
  readonly #deadlines: Deadlines
  readonly #opened: readonly Opened[]
  #begun: Opened[] = []

  constructor(settings: BusSettings, sends: SendQueue, deadlines: Deadlines) {
    this.#settings = settings
    this.#deadlines = deadlines
    this.#opened = settings.stores.map((store) => ({
      store,
      relay: this.#relayFor(store, sends),
      forgetter: new Forgetter(store, settings.runtime, (error) =>
        settings.logger.warn(
          { store: store.name, error: asText(error) },
          'the inbox could not forget old messages yet',
        ),
      ),
    }))
  }

  /** What relays the rows of a store of this bus. */
  relayOf(store: Store<unknown>): Relay {
    const found = this.#opened.find((each) => each.store === store)
    if (found === undefined) throw new Error('a store that this bus does not know')
    return found.relay
  }

  /** Rejects with what the first store that cannot be opened says. */
  async open(signal: AbortSignal): Promise<void> {
    for (const each of this.#opened) {
      this.#begun.push(each)
      await each.store.open(this.#settings.runtime, signal)
      signal.throwIfAborted()
    }
  }

  /** Begins to relay, and to forget. */
  async start(): Promise<void> {
    for (const { relay, forgetter } of this.#opened) {
      if (this.#settings.outbox.relay) await relay.start()
      forgetter.start()
    }
  }

  /** Sends what is committed, within `deadlineMs`. */
  async drain(deadlineMs: number): Promise<void> {
    await Promise.all(
      this.#begun.map(({ relay, forgetter }) => Promise.all([relay.close(deadlineMs), forgetter.close()])),
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.#begun.map(({ store }) => store.close()))
  }

  /** Never rejects: a database that does not answer within `withinMs` is not healthy. */
  async health(withinMs: number): Promise<readonly OutboxHealth[]> {
    return await Promise.all(this.#opened.map(({ store }) => this.#healthOf(store, withinMs)))
  }

  async #healthOf(store: Store<unknown>, withinMs: number): Promise<OutboxHealth> {
    let snapshot: OutboxSnapshot | undefined
    const asked = Promise.resolve().then(() => store.outbox.inspect())
    await within(
      this.#deadlines,
      withinMs,
      asked.then((answer) => (snapshot = answer)),
    )
    const { waiting = 0, parked = 0, scheduled = 0, oldestMs } = snapshot ?? {}
    const known = snapshot !== undefined
    const healthy = known && parked === 0 && (oldestMs ?? 0) <= this.#settings.outbox.maxLagMs
    return { store: store.name, healthy, known, waiting, parked, scheduled, oldestMs }
  }

  #relayFor(store: Store<unknown>, sends: SendQueue): Relay {
    const { runtime, logger, outbox } = this.#settings
    const about = ({ message }: OutboxRow, error: Error) => ({
      store: store.name,
      id: message.id,
      type: message.type,
      error: error.message,
    })
    return new Relay({
      store,
      runtime,
      pollMs: outbox.pollMs,
      leaseMs: outbox.leaseMs,
      batch: outbox.batch,
      attempts: outbox.attempts,
      send: (row) => sendRow(row, sends, this.#settings),
      observer: {
        storeFailed: (error) =>
          logger.warn({ store: store.name, error: asText(error) }, 'the outbox cannot be read; it is tried again'),
        storeAnswers: () => logger.info({ store: store.name }, 'the outbox can be read again'),
        refused: (row, error) =>
          logger.warn(
            { ...about(row, error), attempt: row.attempts + 1 },
            'the broker refused a message of the outbox',
          ),
        parked: (row, error) =>
          logger.error(about(row, error), 'a message of the outbox is parked: the broker refused it too often'),
      },
    })
  }
}
