// A bus that runs: the transport, the send queue, the subscriptions, and their common end.
import type {
  AnyCommand,
  AnyContracted,
  AnyDocument,
  AnyEvent,
  AnyRequest,
  AnySurvey,
  In,
  ReplyOf,
} from '../contract/contract.ts'
import { WaybillError } from '../message/errors.ts'
import type { Middleware } from '../middleware/handler.ts'
import { Deadlines } from '../runtime/deadlines.ts'
import { durationMs, type Duration } from '../runtime/duration.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { Transport } from '../transport/transport.ts'
import type { TransportEvent } from '../transport/transport-event.ts'
import { Answerer } from './answerer.ts'
import type { Bus, BusHealth, SubscriptionControl } from './bus.ts'
import { transportChanged } from './diagnostics.ts'
import { drainOnSignal } from './drain-on-signal.ts'
import type { Logger } from './logger.ts'
import { Messenger } from './messenger.ts'
import type { PlannedSubscription } from './plan.ts'
import { Replies } from './replies.ts'
import { ReturnAddress } from './return-address.ts'
import type { RequestAsyncOptions, RequestOptions, ScatterOptions, SendOptions, Sent, SurveyReply } from './sender.ts'
import { SendQueue } from './send-queue.ts'
import type { Service } from './service.ts'
import { RunningSubscription } from './running-subscription.ts'

export interface BusSettings {
  readonly name: string
  readonly runtime: Runtime
  readonly logger: Logger
  readonly middleware: readonly Middleware[]
  readonly sendTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly startTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly maxDeliveries: number
  readonly warnBodyBytes: number
}

export class RunningBus implements Bus {
  readonly #transport: Transport
  readonly #settings: BusSettings
  readonly #deadlines: Deadlines
  readonly #sends: SendQueue
  readonly #replies: Replies
  readonly #returnAddress: ReturnAddress
  readonly #messenger: Messenger
  readonly #subscriptions: RunningSubscription[] = []
  #facts: EngineFacts | undefined
  #connected = false
  #stopListening: () => void = () => {}
  #draining: Promise<void> | undefined

  constructor(transport: Transport, settings: BusSettings) {
    const { runtime } = settings
    this.#transport = transport
    this.#settings = settings
    this.#deadlines = new Deadlines(runtime)
    this.#sends = new SendQueue(transport, runtime, this.#deadlines)
    this.#replies = new Replies(this.#deadlines)
    this.#returnAddress = new ReturnAddress(transport, this.#replies, this.#deadlines, settings.name)
    this.#messenger = this.#speakFor(settings.name)
  }

  get facts(): EngineFacts {
    if (this.#facts === undefined) throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the bus has not started')
    return this.#facts
  }

  get subscriptions(): readonly SubscriptionControl[] {
    return this.#subscriptions
  }

  /** Connects, declares and subscribes, all within the start time-out. */
  async start(
    plans: readonly PlannedSubscription[],
    declare: readonly AnyContracted[],
    signals: readonly NodeJS.Signals[],
  ): Promise<void> {
    const stopEvents = this.#transport.onEvent((event) => this.#onEvent(event))
    const abort = new AbortController()
    const { startTimeoutMs } = this.#settings
    const deadline = this.#deadlines.add(startTimeoutMs, () =>
      abort.abort(
        new WaybillError('WAYBILL_NOT_CONNECTED', `${this.#transport.name} did not answer within ${startTimeoutMs} ms`),
      ),
    )
    this.#stopListening = stopEvents
    try {
      await orAborted(this.#connectAndSubscribe(plans, declare, abort.signal), abort.signal)
    } finally {
      deadline.cancel()
    }
    const stopSignals = drainOnSignal(signals, (signal) => {
      this.#settings.logger.info({ signal }, 'draining')
      void this.drain()
    })
    // A service waits for messages; a bus that only sends lets the process end when it has nothing else to do.
    const letEnd = plans.length > 0 ? this.#settings.runtime.keepAlive() : () => {}
    this.#stopListening = () => {
      stopEvents()
      stopSignals()
      letEnd()
    }
  }

  subscription(service: string | Service, message: AnyContracted): SubscriptionControl {
    const name = typeof service === 'string' ? service : service.name
    const found = this.#subscriptions.find((one) => one.service === name && one.takes(message.type))
    if (found === undefined) throw new TypeError(`${name} has no subscription to ${message.type} on this bus`)
    return found
  }

  async health(): Promise<BusHealth> {
    const broker = await this.#transport.inspect()
    const subscriptions = this.#subscriptions.map(({ service, channel, group, state }) => ({
      service,
      channel,
      group,
      state,
    }))
    const connected = this.#connected && broker.connected
    return {
      healthy: connected && subscriptions.every(({ state }) => state === 'consuming'),
      connected,
      subscriptions,
      broker,
    }
  }

  publish<M extends AnyEvent>(event: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#messenger.publish(event, body, options)
  }
  send<M extends AnyCommand | AnyDocument>(message: M, body: In<M>, options?: SendOptions): Promise<Sent> {
    return this.#messenger.send(message, body, options)
  }
  request<M extends AnyRequest>(request: M, body: In<M>, options?: RequestOptions): Promise<ReplyOf<M>> {
    return this.#messenger.request(request, body, options)
  }
  requestAsync<M extends AnyRequest>(request: M, body: In<M>, options?: RequestAsyncOptions): Promise<Sent> {
    return this.#messenger.requestAsync(request, body, options)
  }
  scatter<M extends AnySurvey>(
    survey: M,
    body: In<M>,
    options?: ScatterOptions,
  ): AsyncIterable<SurveyReply<ReplyOf<M>>> {
    return this.#messenger.scatter(survey, body, options)
  }

  drain(timeout?: Duration): Promise<void> {
    this.#draining ??= this.#drain(timeout === undefined ? this.#settings.drainTimeoutMs : durationMs(timeout))
    return this.#draining
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain()
  }

  async #connectAndSubscribe(
    plans: readonly PlannedSubscription[],
    declare: readonly AnyContracted[],
    signal: AbortSignal,
  ): Promise<void> {
    this.#facts = await this.#transport.connect(signal)
    this.#connected = true
    await this.#transport.declare({ channels: declare.map(({ channel }) => channel), groups: [] })
    for (const plan of plans) {
      const subscription = new RunningSubscription(plan, {
        runtime: this.#settings.runtime,
        logger: this.#settings.logger,
        deadlines: this.#deadlines,
        middleware: this.#settings.middleware,
        maxDeliveries: this.#settings.maxDeliveries,
        longestDelayMs: this.#facts.capabilities.delayedRetry === 'refused' ? 0 : this.#facts.limits.maxDelayMs.value,
        answerer: new Answerer(this.#sends, this.#settings, plan.service.name),
        speakFor: (source, parent) => this.#speakFor(source, parent),
      })
      this.#subscriptions.push(subscription)
      await subscription.start(this.#transport)
    }
  }

  #speakFor(source: string, parent?: ConstructorParameters<typeof Messenger>[2]): Messenger {
    const { runtime, logger, sendTimeoutMs, requestTimeoutMs, warnBodyBytes } = this.#settings
    return new Messenger(
      {
        runtime,
        logger,
        sendTimeoutMs,
        requestTimeoutMs,
        warnBodyBytes,
        sends: this.#sends,
        replies: this.#replies,
        returnAddress: (withinMs) => this.#returnAddress.get(withinMs),
        addressOf: (channel) => this.#transport.addressOf(channel),
      },
      source,
      parent,
    )
  }

  #onEvent(event: TransportEvent): void {
    if (transportChanged.hasSubscribers) transportChanged.publish({ transport: this.#transport.name, event })
    this.#returnAddress.onEvent(event)
    const { logger } = this.#settings
    switch (event.type) {
      case 'disconnected':
        this.#connected = false
        this.#sends.pause()
        logger.warn(
          { transport: this.#transport.name, error: event.error.message },
          'the link to the broker is down; it is being taken up again',
        )
        break
      case 'connected':
        this.#connected = true
        this.#sends.resume()
        logger.info({ transport: this.#transport.name }, 'the link to the broker is up')
        break
      case 'unblocked':
        this.#sends.blocked = undefined
        break
      case 'blocked':
        this.#sends.blocked = event.reason
        logger.warn(
          { transport: this.#transport.name, reason: event.reason },
          'the broker holds publishers back; sends wait',
        )
        break
      case 'error':
        logger.error({ transport: this.#transport.name, error: event.error.message }, 'the transport reports an error')
        break
      case 'subscription-lost':
      case 'subscription-restored':
        for (const subscription of this.#subscriptions) subscription.onEvent(event)
        break
      default:
        break
    }
  }

  async #drain(timeoutMs: number): Promise<void> {
    const { runtime, logger } = this.#settings
    const until = runtime.monotonic() + timeoutMs
    const left = (): number => Math.max(0, until - runtime.monotonic())
    // Handlers first: they may still send. Then what was sent, then the link.
    const closed = await Promise.allSettled(this.#subscriptions.map((subscription) => subscription.close(left())))
    for (const result of closed)
      if (result.status === 'rejected')
        logger.warn({ error: String(result.reason) }, 'a subscription did not close cleanly')
    await this.#within(left(), this.#sends.idle())
    this.#sends.close()
    this.#replies.failAll(new WaybillError('WAYBILL_CLOSED', 'the bus was closed before the reply came'))
    try {
      await this.#transport.close(left())
    } catch (error) {
      logger.warn({ error: String(error) }, 'the transport did not close cleanly')
    }
    this.#deadlines.clear()
    this.#connected = false
    this.#stopListening()
  }

  #within(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const deadline = this.#deadlines.add(ms, resolve)
      void work.finally(() => {
        deadline.cancel()
        resolve()
      })
    })
  }
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }) // aborted above with an Error
    work.then(resolve, reject)
  })
}
