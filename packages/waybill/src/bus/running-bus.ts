// A bus that runs: the verbs, what can be asked of it, and the state between start and drain.
import type { AnyCommand, AnyContracted, AnyDocument, AnyStoredEvent, In } from '../contract/contract.ts'
import type { DeadLetters } from '../dead-letters/dead-letters.ts'
import { WaybillError } from '../message/errors.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { Deadlines } from '../runtime/deadlines.ts'
import { durationMs, type Duration } from '../runtime/duration.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { Transport, TransportSnapshot } from '../transport/transport.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import type { DatabaseBus, TransactionalBus } from './bus.ts'
import type { BusHealth } from './health/bus-health.ts'
import type { SubscriptionControl } from './subscription/subscription-control.ts'
import type { BusParts } from './lifecycle/bus-parts.ts'
import type { BusSettings } from './settings/bus-settings.ts'
import { deadLettersOf } from './dead-letters/bus-dead-letters.ts'
import type { AnyKept, DeadLettersOptions } from './dead-letters/dead-letters-options.ts'
import { busHealth } from './health/bus-health.ts'
import { BusStores } from './outbox/bus-stores.ts'
import { BusTransactions } from './transactions/bus-transactions.ts'
import { DatabaseOutlet } from './transactions/database-outlet.ts'
import { drainBus } from './lifecycle/drain-bus.ts'
import { drainOnSignal } from './lifecycle/drain-on-signal.ts'
import { explainBus } from './explain/explain-bus.ts'
import { onTransportEvent } from './lifecycle/link-events.ts'
import { Messenger, type MessengerParts } from './sending/messenger.ts'
import type { PlannedSubscription } from './service/plan-subscriptions.ts'
import { Reading, type ReadEvent, type ReadOptions } from './reading/reading.ts'
import { RelayedSender } from './sending/relayed-sender.ts'
import { Replies } from './requests/replies.ts'
import type { Sent } from './sending/sender.ts'
import { ReturnAddress } from './requests/return-address.ts'
import { SendQueue } from './sending/send-queue.ts'
import type { Service } from './service/service.ts'
import { startBus } from './lifecycle/start-bus.ts'
import type { Transaction } from './transactions/transaction.ts'
import { OutboxSender } from './transactions/outbox-sender.ts'
import type { Outlet } from './sending/outlet.ts'
import type { DatabaseSender, ScheduleOptions, TransactionSender } from './sending/transaction-sender.ts'
import { within } from '../runtime/within.ts'

/** A broker that does not say how it is within this time is not well. */
const INSPECT_MS = 5_000

/** With a store or without: the type that `createBus` gives says what there is. */
export class RunningBus extends RelayedSender implements Omit<TransactionalBus<unknown>, 'in'>, DatabaseBus<unknown> {
  readonly #parts: BusParts
  readonly #messengerParts: MessengerParts
  readonly #transactions: BusTransactions
  protected readonly messenger: Messenger
  #facts: EngineFacts | undefined
  #plans: readonly PlannedSubscription[] = []
  #declared: readonly AnyContracted[] = []
  #connected = false
  readonly #atEnd: (() => void)[] = []
  #draining: Promise<void> | undefined

  constructor(transport: Transport, settings: BusSettings) {
    super()
    const deadlines = new Deadlines(settings.runtime)
    const replies = new Replies(deadlines)
    const sends = new SendQueue(transport, settings.runtime, deadlines)
    this.#parts = {
      transport,
      settings,
      deadlines,
      replies,
      sends,
      returnAddress: new ReturnAddress(transport, replies, deadlines, settings.name),
      subscriptions: [],
      readings: new Set(),
      stores: new BusStores(settings, sends, deadlines),
    }
    const { returnAddress, stores } = this.#parts
    this.#transactions = new BusTransactions({
      store: settings.store,
      runtime: settings.runtime,
      relayOf: (store) => stores.relayOf(store),
      speakWithin: (transaction) => this.#speakWithin(settings.name, settings.replyService, transaction),
      speakInEngine:
        transport.sendWithin === undefined
          ? undefined
          : (tx) => this.#speakThrough(settings.name, settings.replyService, new DatabaseOutlet(transport, tx)),
      facts: () => this.facts,
    })
    this.#messengerParts = {
      ...settings,
      sends,
      replies,
      returnAddress: (withinMs, signal) => returnAddress.get(withinMs, signal),
      addressOf: (channel) => transport.addressOf(channel),
      outletFor: (contracted, delayMs) => this.#transactions.outletFor(contracted, delayMs),
    }
    this.messenger = this.#speakFor(settings.name, settings.replyService)
  }

  get facts(): EngineFacts {
    if (this.#facts === undefined) throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the bus has not started')
    return this.#facts
  }

  get subscriptions(): readonly SubscriptionControl[] {
    return this.#parts.subscriptions
  }

  /** Resolves when every subscription is confirmed. Where it rejects, `drain` closes what was opened. */
  async start(
    plans: readonly PlannedSubscription[],
    declare: readonly AnyContracted[],
    signals: readonly NodeJS.Signals[],
  ): Promise<void> {
    const { transport, settings } = this.#parts
    this.#plans = plans
    this.#declared = declare
    this.#atEnd.push(
      transport.onEvent((event) => {
        if (event.type === 'disconnected') this.#connected = false
        else if (event.type === 'connected') this.#connected = true
        onTransportEvent(this.#parts, event)
      }),
    )
    await startBus(this.#parts, {
      plans,
      declare,
      speakFor: (service, parent) => this.#speakFor(service, service, parent),
      speakWithin: (service, parent, transaction) => this.#speakWithin(service, service, transaction, parent),
      connected: (facts) => {
        this.#facts = facts
        this.#connected = true
      },
    })
    const onSignal = (signal: NodeJS.Signals): void => {
      settings.logger.info({ signal }, 'draining')
      void this.drain()
    }
    this.#atEnd.push(drainOnSignal(signals, onSignal))
    // A service waits for messages; a bus that only sends lets the process end when it has nothing else to do.
    if (plans.length > 0) this.#atEnd.push(settings.runtime.keepAlive())
  }

  subscription(service: string | Service, message: AnyContracted): SubscriptionControl {
    const name = typeof service === 'string' ? service : service.name
    const found = this.#parts.subscriptions.find((one) => one.service === name && one.takes(message.type))
    if (found === undefined) throw new TypeError(`${name} has no subscription to ${message.type} on this bus`)
    return found
  }

  async *read<M extends AnyStoredEvent>(
    event: M,
    options: ReadOptions = {},
  ): AsyncGenerator<ReadEvent<M>, void, undefined> {
    const { transport, settings, readings } = this.#parts
    if (this.#draining !== undefined) throw new WaybillError('WAYBILL_CLOSED', 'the bus is closed')
    const reading = new Reading(transport, event, options, `${settings.name}-reader-${settings.runtime.newId()}`)
    readings.add(reading)
    try {
      yield* reading.events()
    } finally {
      readings.delete(reading)
    }
  }

  in(tx: unknown): DatabaseSender {
    return this.#transactions.in(tx)
  }

  schedule<M extends AnyStoredEvent | AnyCommand | AnyDocument>(
    message: M,
    body: In<M>,
    options: ScheduleOptions,
  ): Promise<Sent> {
    return this.#transactions.schedule(message, body, options)
  }

  cancelScheduled(id: string): Promise<boolean> {
    return this.#transactions.cancelScheduled(id)
  }

  deadLetters<M extends AnyKept>(
    group: string | Service,
    message: M,
    options: DeadLettersOptions = {},
  ): DeadLetters<M> {
    const { transport, settings } = this.#parts
    return deadLettersOf({ transport, settings, plans: this.#plans }, group, message, options)
  }

  async health(): Promise<BusHealth> {
    const { subscriptions, sends, stores } = this.#parts
    const [broker, outboxes] = await Promise.all([this.#inspect(), stores.health(INSPECT_MS)])
    return busHealth({ subscriptions, linked: this.#connected, blocked: sends.blocked, broker, outboxes })
  }

  async explain(messages: readonly AnyContracted[] = []): Promise<Verdicts> {
    const { transport, settings } = this.#parts
    const outline = { plans: this.#plans, messages: [...this.#declared, ...messages], settings }
    const sendsWithin = transport.sendWithin !== undefined
    return await explainBus(outline, {
      facts: this.facts,
      routeFacts: (group) => transport.routeFacts(group),
      sendsWithin,
    })
  }

  async drain(timeout?: Duration): Promise<void> {
    const timeoutMs = timeout === undefined ? this.#parts.settings.drainTimeoutMs : durationMs(timeout)
    this.#draining ??= this.#drain(timeoutMs)
    await this.#draining
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain()
  }

  async #drain(timeoutMs: number): Promise<void> {
    await drainBus(this.#parts, timeoutMs)
    this.#connected = false
    for (const end of this.#atEnd.splice(0)) end()
  }

  /** What the broker says; `undefined` where it cannot be asked, because then the rest of the health is the answer. */
  async #inspect(): Promise<TransportSnapshot | undefined> {
    const { transport, deadlines } = this.#parts
    if (this.#draining !== undefined && !this.#connected) return undefined
    let snapshot: TransportSnapshot | undefined
    await within(
      deadlines,
      INSPECT_MS,
      transport.inspect().then((known) => (snapshot = known)),
    )
    return snapshot
  }

  #speakFor(source: string, replyService: string | undefined, parent?: WireMessage): Messenger {
    return new Messenger(this.#messengerParts, source, replyService, parent)
  }

  #speakThrough(source: string, replyService: string | undefined, outlet: Outlet, parent?: WireMessage): Messenger {
    return new Messenger(this.#messengerParts, source, replyService, parent, outlet)
  }

  #speakWithin(
    source: string,
    replyService: string | undefined,
    transaction: Transaction,
    parent?: WireMessage,
  ): TransactionSender {
    const messenger = this.#speakThrough(source, replyService, transaction, parent)
    return new OutboxSender(messenger, transaction, () => this.#parts.settings.runtime.now())
  }
}
