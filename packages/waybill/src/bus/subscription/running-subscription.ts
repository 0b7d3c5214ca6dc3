import { hostname } from 'node:os'
import { pid } from 'node:process'
import type { WireMessage } from '../../message/wire-message.ts'
import { asText } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import { isPromiseLike, type Handle, type Handling, type Middleware } from '../../middleware/handler.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Relay } from '../../outbox/relay.ts'
import type { Store } from '../../store/store.ts'
import type { Transport } from '../../transport/transport.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { AnyContracted } from '../../contract/contract.ts'
import { adopt } from '../../contract/foreign.ts'
import { WAIT_SHARE } from '../../verdict/route.ts'
import { encodeFailure } from '../../contract/reply.ts'
import type { Answerer } from '../handling/answerer.ts'
import { AWAITED_HEADER } from '../../message/awaited.ts'
import { BatchRuns } from '../batches/batch-runs.ts'
import type { SubscriptionControl } from './subscription-control.ts'
import { Circuits } from '../limits/subscription-circuits.ts'
import { checkCount, MAX_CONCURRENCY, MAX_PREFETCH } from '../service/check-options.ts'
import { Consumer } from '../consuming/consumer.ts'
import { handleDelivery, type Route } from '../handling/handle-delivery.ts'
import { HandlerContext } from '../handling/handler-context.ts'
import type { Lane } from '../consuming/lane.ts'
import type { Logger } from '../observation/logger.ts'
import { prefetchFor, type PlannedSubscription } from '../service/plan-subscriptions.ts'
import { readyLane, readyLanes } from './ready-lanes.ts'
import { readyRoute, type RouteHooks } from './ready-route.ts'
import type { Sender } from '../sending/sender.ts'
import type { Registration } from '../service/registration.ts'
import { onceInTransaction, transactional, type TransactionalParts } from '../transactions/transactional-handler.ts'
import { transactionalBatch } from '../transactions/transactional-batch.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { TransactionalHandlerContext } from '../transactions/transactional-handler-context.ts'
import type { TransactionSender } from '../sending/transaction-sender.ts'

export interface SubscriptionParts {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly deadlines: Deadlines
  readonly middleware: readonly Middleware[]
  readonly maxDeliveries: number
  /** So long the engine lets a delivery be unsettled. */
  readonly settleWithinMs: number
  readonly answerer: Answerer
  readonly speakFor: (source: string, parent: WireMessage) => Sender
  /** The same within a transaction. */
  readonly speakWithin: (source: string, parent: WireMessage, transaction: Transaction) => TransactionSender
  readonly relayOf: (store: Store<unknown>) => Pick<Relay, 'wake' | 'scheduled'>
}

/** A handler this much over its time-out makes the subscription `stuck`. */
const STUCK_GRACE_MS = 30_000

/** One planned subscription, running: its routes made ready, its consumer, and what is known of its health. */
export class RunningSubscription implements SubscriptionControl {
  readonly #plan: PlannedSubscription
  readonly #parts: SubscriptionParts
  readonly #routes: ReadonlyMap<string, Route>
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly #batches = new BatchRuns()
  readonly #consumer: Consumer
  readonly #circuits: Circuits
  readonly #late = new Set<Handling>()
  readonly #running = new Set<HandlerContext>()
  #state: 'consuming' | 'lost' | 'closed' = 'closed'
  #duplicates = 0

  constructor(plan: PlannedSubscription, parts: SubscriptionParts) {
    this.#plan = plan
    this.#parts = parts
    const adopting = (contracted: AnyContracted, message: WireMessage): WireMessage =>
      adopt(contracted, message, parts.runtime)
    this.#lanes = new Map(
      [...plan.routes].map(([type, registration]) => [
        type,
        readyLane(registration, { service: plan.service.name, runtime: parts.runtime, adopt: adopting }),
      ]),
    )
    this.#routes = new Map(
      [...plan.routes].map(([type, registration]) => [
        type,
        readyRoute(registration, plan.service, parts, {
          circuit: this.#lanes.get(type)?.limits.circuit,
          joining: (batch) => this.#batches.joining(batch),
          around: (next) => this.#tracked(next),
          onTimeout: (handling, error) => this.#onTimeout(registration, handling, error),
          ...this.#transactionOf(registration),
        }),
      ]),
    )
    const { service, group, concurrency, prefetch } = plan
    this.#circuits = new Circuits(
      [...this.#lanes.values()].map(({ limits }) => limits.circuit).filter((circuit) => circuit !== undefined),
      { channel: group.channel.name, group: group.name },
      parts.logger,
    )
    const process = handleDelivery({
      now: () => parts.runtime.now(),
      service: service.name,
      group: group.name,
      member: `${service.name} in process ${pid} on ${hostname()}`,
      maxDeliveries: parts.maxDeliveries,
      skipUnknown: plan.skipUnknown,
      routeOf: (message) => this.#routeOf(message),
      adopt: adopting,
      context: (delivery, message, body) => {
        const kind = service.store === undefined ? HandlerContext : TransactionalHandlerContext
        const context = new kind(
          delivery,
          message,
          body,
          service.name,
          group.name,
          parts.speakFor(service.name, message),
        )
        this.#batches.bind(context, delivery)
        return context
      },
      answer: (request, reply) => parts.answerer.answer(request, reply),
    })
    this.#consumer = new Consumer(
      {
        service: service.name,
        channel: group.channel.name,
        group: group.name,
        transient: plan.transient,
        concurrency,
        prefetch,
        waitsAtMostMs: parts.settleWithinMs * WAIT_SHARE,
      },
      {
        process,
        lanes: readyLanes(plan, this.#lanes, parts),
        beginBatch: (batch) => this.#batches.begin(batch),
        ...parts,
      },
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
  get duplicates(): number {
    return this.#duplicates
  }
  get state(): SubscriptionControl['state'] {
    return this.#state === 'consuming' && this.#late.size > 0 ? 'stuck' : this.#state
  }

  get pausedBy(): readonly string[] {
    return this.#circuits.pausedBy
  }

  takes(type: string): boolean {
    return this.#routes.has(type)
  }

  tune(limits: { readonly concurrency?: number; readonly prefetch?: number }): void {
    const concurrency = limits.concurrency ?? this.concurrency
    checkCount('concurrency', concurrency, MAX_CONCURRENCY)
    const follows = prefetchFor(concurrency, this.#plan.routes.values())
    const prefetch = limits.prefetch ?? (limits.concurrency === undefined ? this.prefetch : follows)
    checkCount('prefetch', prefetch, MAX_PREFETCH)
    this.#consumer.tune(concurrency, prefetch)
  }

  async start(transport: Transport): Promise<void> {
    const { group, transient, start } = this.#plan
    const prefetch = this.#consumer.prefetch
    this.#consumer.attach(
      await transport.subscribe({ group, transient, start, prefetch }, (batch) => this.#consumer.receive(batch)),
    )
    this.#state = 'consuming'
    this.#circuits.watch(() => this.#consumer.start())
  }

  onEvent(event: TransportEvent & { readonly channel: string; readonly group: string }): void {
    if (event.channel !== this.channel || event.group !== this.group || this.#state === 'closed') return
    // What has not begun, and is not ours any more, is somebody else's now: it is not handled twice.
    if (event.type === 'shard-revoked') return this.#consumer.forget(({ shard }) => shard === event.shard)
    const { group, transient } = this.#plan
    const { kind } = group.channel
    if (event.type === 'subscription-lost' && !group.ordered && !transient && kind !== 'query' && kind !== 'survey')
      this.#consumer.forget(() => true)
    this.#state = event.type === 'subscription-lost' ? 'lost' : 'consuming'
  }

  /** Waits until `deadlineMs` for running handlers; then aborts their signals, and their messages go back to the broker. */
  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#circuits.end()
    const giveUp = (): void => {
      const error = new WaybillError(
        'WAYBILL_CLOSED',
        `the bus closed before ${this.service} had handled the message; it goes back to the broker`,
      )
      for (const context of this.#running) {
        context.returned = true
        context.abort(error)
      }
    }
    const deadline = this.#parts.deadlines.add(deadlineMs, giveUp)
    try {
      await this.#consumer.close(deadlineMs)
    } finally {
      deadline.cancel()
      giveUp()
    }
  }

  /** Of a service with a store: around each of its handlers. */
  #transactionOf(registration: Registration): Pick<RouteHooks, 'transaction' | 'aroundBatch'> {
    const { service, group, transient } = this.#plan
    const { store } = service
    if (store === undefined) return {}
    const { runtime, logger, speakWithin, relayOf } = this.#parts
    const within: TransactionalParts = {
      store,
      runtime,
      logger,
      relay: relayOf(store),
      senderFor: ({ message }, transaction) => speakWithin(service.name, message, transaction),
      service: service.name,
      group: group.name,
      channel: group.channel,
      transient,
      onDuplicate: () => void this.#duplicates++,
    }
    if (registration.batch !== undefined) return { aroundBatch: transactionalBatch(registration, within) }
    return { transaction: { around: transactional(registration, within), innermost: onceInTransaction } }
  }

  #routeOf(message: WireMessage): Route | undefined {
    // What ordinary clients put on a foreign channel has no type of ours: its one handler takes it.
    if (this.#plan.group.channel.foreign !== undefined) return this.#routes.values().next().value
    return this.#routes.get(message.type)
  }

  /** Keeps those whose handlers have not returned, to abort them when the bus stops waiting. */
  #tracked(next: Handle): Handle {
    const track = async (result: PromiseLike<unknown>, context: HandlerContext): Promise<unknown> => {
      this.#running.add(context)
      try {
        return await result
      } finally {
        this.#running.delete(context)
        this.#late.delete(context)
      }
    }
    return (handling) => {
      const result = next(handling)
      return isPromiseLike(result) ? track(result, handling as HandlerContext) : result // made by this subscription
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
      logger.error({ id: message.id, error: asText(cause) }, 'the requester could not be told of the time-out')
    })
  }
}
