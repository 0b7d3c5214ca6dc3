import type { WireMessage } from '../message/wire-message.ts'
import { WaybillError } from '../message/errors.ts'
import { retryPolicy } from '../middleware/retry-policy.ts'
import { timeout } from '../middleware/timeout.ts'
import type { Handle, Handling, Middleware } from '../middleware/handler.ts'
import type { Deadlines } from '../runtime/deadlines.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Transport } from '../transport/transport.ts'
import type { TransportEvent } from '../transport/transport-event.ts'
import { adopt } from '../contract/foreign.ts'
import { encodeFailure } from '../contract/reply.ts'
import type { Answerer } from './answerer.ts'
import { AWAITED_HEADER } from './awaited.ts'
import type { SubscriptionControl } from './bus.ts'
import { Consumer } from './consumer.ts'
import { handleDelivery, type Route } from './handle-delivery.ts'
import { HandlerContext } from './handler-context.ts'
import type { Logger } from './logger.ts'
import type { PlannedSubscription } from './plan.ts'
import type { Sender } from './sender.ts'
import type { Registration } from './service.ts'

export interface SubscriptionParts {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly deadlines: Deadlines
  readonly middleware: readonly Middleware[]
  readonly maxDeliveries: number
  readonly longestDelayMs: number
  readonly answerer: Answerer
  readonly speakFor: (source: string, parent: WireMessage) => Sender
}

const DEFAULT_TIMEOUT = '30s'
/** A handler this much over its time-out makes the subscription `stuck`. */
const STUCK_GRACE_MS = 30_000

/** One planned subscription, running: its routes made ready, its consumer, and what is known of its health. */
export class RunningSubscription implements SubscriptionControl {
  readonly #plan: PlannedSubscription
  readonly #parts: SubscriptionParts
  readonly #routes: ReadonlyMap<string, Route>
  readonly #consumer: Consumer
  readonly #late = new Set<Handling>()
  readonly #running = new Set<HandlerContext>()
  #state: 'consuming' | 'lost' | 'closed' = 'closed'

  constructor(plan: PlannedSubscription, parts: SubscriptionParts) {
    this.#plan = plan
    this.#parts = parts
    this.#routes = new Map([...plan.routes].map(([type, registration]) => [type, this.#ready(registration)]))
    const { service, group, concurrency, prefetch } = plan
    this.#consumer = new Consumer(
      {
        service: service.name,
        channel: group.channel.name,
        group: group.name,
        concurrency,
        prefetch,
        maxDeliveries: parts.maxDeliveries,
      },
      handleDelivery({
        service: service.name,
        routeOf: (message) => this.#routeOf(message),
        adopt: (contracted, message) => adopt(contracted, message, parts.runtime),
        context: (delivery, message, body) =>
          new HandlerContext(delivery, message, body, service.name, group.name, parts.speakFor(service.name, message)),
        answer: (request, reply) => parts.answerer.answer(request, reply),
      }),
      parts.runtime,
      parts.logger,
    )
  }

  get service(): string {
    return this.#plan.service.name
  }
  get channel(): string {
    return this.#plan.group.channel.name
  }
  get group(): string {
    return this.#plan.group.name
  }
  get concurrency(): number {
    return this.#consumer.concurrency
  }
  get prefetch(): number {
    return this.#consumer.prefetch
  }
  get running(): number {
    return this.#consumer.running
  }
  get handled(): number {
    return this.#consumer.handled
  }
  get state(): SubscriptionControl['state'] {
    return this.#state === 'consuming' && this.#late.size > 0 ? 'stuck' : this.#state
  }

  takes(type: string): boolean {
    return this.#routes.has(type)
  }

  tune(limits: { readonly concurrency?: number; readonly prefetch?: number }): void {
    const concurrency = limits.concurrency ?? this.concurrency
    const prefetch = limits.prefetch ?? (limits.concurrency === undefined ? this.prefetch : 2 * concurrency)
    for (const [name, value] of Object.entries({ concurrency, prefetch })) {
      if (!Number.isInteger(value) || value < 1)
        throw new TypeError(`${name} must be a whole number from 1, not ${value}`)
    }
    this.#consumer.tune(concurrency, prefetch)
  }

  async start(transport: Transport): Promise<void> {
    const { group, transient, start } = this.#plan
    const prefetch = this.#consumer.prefetch
    this.#consumer.attach(
      await transport.subscribe({ group, transient, start, prefetch }, (batch) => this.#consumer.receive(batch)),
    )
    this.#state = 'consuming'
  }

  onEvent(event: TransportEvent & { readonly channel: string; readonly group: string }): void {
    if (event.channel !== this.channel || event.group !== this.group || this.#state === 'closed') return
    this.#state = event.type === 'subscription-lost' ? 'lost' : 'consuming'
  }

  /** Stops taking messages and waits until `deadlineMs` for running handlers, then aborts their signals. */
  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    const giveUp = this.#parts.deadlines.add(deadlineMs, () => {
      const error = new WaybillError(
        'WAYBILL_CLOSED',
        `the bus closed before ${this.service} had handled the message; it goes back to the broker`,
      )
      for (const context of this.#running) context.abort(error)
    })
    try {
      await this.#consumer.close(deadlineMs)
    } finally {
      giveUp.cancel()
    }
  }

  #routeOf(message: WireMessage): Route | undefined {
    // What ordinary clients put on a foreign channel has no type of ours: its one handler takes it.
    if (this.#plan.group.channel.foreign !== undefined) return this.#routes.values().next().value
    return this.#routes.get(message.type)
  }

  #ready(registration: Registration): Route {
    const { runtime, deadlines, middleware, longestDelayMs } = this.#parts
    const retry = retryPolicy(registration.options.retry ?? {}, () => runtime.random())
    if (retry.longestMs > longestDelayMs) {
      throw new WaybillError(
        'WAYBILL_LIMIT',
        `${this.service} retries ${registration.message.type} after up to ${retry.longestMs} ms; this engine can wait ${longestDelayMs} ms`,
      )
    }
    const limit = timeout(durationMs(registration.options.timeout ?? DEFAULT_TIMEOUT), deadlines, (handling, error) =>
      this.#onTimeout(registration, handling, error),
    )
    // A HandlerContext is both what middleware sees and what the handler gets; the body's type was checked at registration.
    const handler: Handle = (handling) => registration.handle(handling.body as never, handling as HandlerContext)
    const wrapped = [...middleware, ...this.#plan.service.middleware].reduceRight<Handle>(
      (next, wrap) => wrap(next),
      handler,
    )
    return { registration, retry, handle: this.#tracked(limit(wrapped)) }
  }

  #tracked(next: Handle): Handle {
    return async (handling) => {
      const context = handling as HandlerContext // made by this subscription
      this.#running.add(context)
      try {
        return await next(handling)
      } finally {
        this.#running.delete(context)
        this.#late.delete(handling)
      }
    }
  }

  #onTimeout(registration: Registration, handling: Handling, error: WaybillError): void {
    const { logger, deadlines, answerer } = this.#parts
    const { message } = handling
    logger.warn(
      { id: message.id, type: message.type, service: this.service },
      'a handler is over its time-out; it keeps its slot until it returns',
    )
    deadlines.add(STUCK_GRACE_MS, () => {
      if (this.#running.has(handling as HandlerContext)) this.#late.add(handling) // made by this subscription
    })
    if (message.replyTo === undefined || message.headers[AWAITED_HEADER] === undefined || registration.role === 'reply')
      return
    ;(handling as HandlerContext).answered = true // made by this subscription
    answerer.answer(message, encodeFailure(error)).catch((cause: unknown) => {
      logger.error({ id: message.id, error: String(cause) }, 'the requester could not be told of the time-out')
    })
  }
}
