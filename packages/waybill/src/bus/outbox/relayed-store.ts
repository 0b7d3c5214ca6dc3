import { Forgetter } from '../../inbox/forgetter.ts'
import { asText } from '../../message/as-error.ts'
import { Relay } from '../../outbox/relay.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import { within } from '../../runtime/within.ts'
import type { OutboxRow, OutboxSnapshot, Store } from '../../store/store.ts'
import type { SendQueue } from '../sending/send-queue.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import type { OutboxHealth } from './outbox-health.ts'
import { sendRow } from './send-row.ts'

/** One store of a bus: what is committed in it is relayed to the broker, and its inbox forgets in time. */
export class RelayedStore {
  readonly store: Store<unknown>
  readonly relay: Relay
  readonly #settings: BusSettings
  readonly #forgetter: Forgetter

  constructor(store: Store<unknown>, settings: BusSettings, sends: SendQueue) {
    this.store = store
    this.relay = relayOf(store, settings, sends)
    this.#settings = settings
    this.#forgetter = new Forgetter(store, settings.runtime, (error) =>
      settings.logger.warn({ store: store.name, error: asText(error) }, 'the inbox could not forget old messages yet'),
    )
  }

  /** Begins to relay, and to forget. */
  async start(): Promise<void> {
    if (this.#settings.outbox.relay) await this.relay.start()
    this.#forgetter.start()
  }

  /** Sends what is committed, within `deadlineMs`. */
  async drain(deadlineMs: number): Promise<void> {
    await Promise.all([this.relay.close(deadlineMs), this.#forgetter.close()])
  }

  /** Never rejects: a database that does not answer within `withinMs` is not healthy. */
  async health(deadlines: Deadlines, withinMs: number): Promise<OutboxHealth> {
    const { store } = this
    let snapshot: OutboxSnapshot | undefined
    const asked = Promise.resolve().then(() => store.outbox.inspect())
    await within(
      deadlines,
      withinMs,
      asked.then((answer) => (snapshot = answer)),
    )
    const { waiting = 0, parked = 0, scheduled = 0, oldestMs } = snapshot ?? {}
    const known = snapshot !== undefined
    const healthy = known && parked === 0 && (oldestMs ?? 0) <= this.#settings.outbox.maxLagMs
    return { store: store.name, healthy, known, waiting, parked, scheduled, oldestMs }
  }
}

function relayOf(store: Store<unknown>, settings: BusSettings, sends: SendQueue): Relay {
  const { runtime, logger, outbox } = settings
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
    send: (row) => sendRow(row, sends, settings),
    observer: {
      storeFailed: (error) =>
        logger.warn({ store: store.name, error: asText(error) }, 'the outbox cannot be read; it is tried again'),
      storeAnswers: () => logger.info({ store: store.name }, 'the outbox can be read again'),
      refused: (row, error) =>
        logger.warn({ ...about(row, error), attempt: row.attempts + 1 }, 'the broker refused a message of the outbox'),
      parked: (row, error) =>
        logger.error(
          about(row, error),
          'a message of the outbox is parked: the broker refused it too often; `waybill outbox` shows it, and lets it go on',
        ),
    },
  })
}
