import { hostname } from 'node:os'
import { pid } from 'node:process'
import type { AnyContracted } from '../../contract/contract.ts'
import { adopt } from '../../contract/foreign.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Delivery, Transport } from '../../transport/transport.ts'
import { WAIT_SHARE } from '../../verdict/route.ts'
import { BatchRuns } from '../batches/batch-runs.ts'
import { Consumer } from '../consuming/consumer.ts'
import type { Lane } from '../consuming/lane.ts'
import { handleDelivery, type Route } from '../handling/handle-delivery.ts'
import { HandlerContext } from '../handling/handler-context.ts'
import type { Process } from '../handling/outcome.ts'
import { Circuits } from '../limits/subscription-circuits.ts'
import type { Sender } from '../sending/sender.ts'
import { checkCount, MAX_CONCURRENCY, MAX_PREFETCH } from '../service/check-options.ts'
import { prefetchFor, type PlannedSubscription } from '../service/plan-subscriptions.ts'
import type { Registration } from '../service/registration.ts'
import { TransactionalHandlerContext } from '../transactions/transactional-handler-context.ts'
import { readyLane, readyLanes } from './ready-lanes.ts'
import { readyRoute, type RouteParts } from './ready-route.ts'
import { RunningHandlers, type RunningHandlersParts } from './running-handlers.ts'
import type { SubscriptionControl } from './subscription-control.ts'
import { transactionHooks, type TransactionHookParts } from './transaction-hooks.ts'

export interface SubscriptionParts extends RouteParts, RunningHandlersParts, TransactionHookParts {
  readonly maxDeliveries: number
  /** So long the engine lets a delivery be unsettled. */
  readonly settleWithinMs: number
  /** What a service says while it handles `parent`. */
  readonly speakFor: (source: string, parent: WireMessage) => Sender
}

/** One planned subscription, running: its routes made ready, its consumer, and what is known of its health. */
export class RunningSubscription implements SubscriptionControl {
  readonly #plan: PlannedSubscription
  readonly #parts: SubscriptionParts
  readonly #routes: ReadonlyMap<string, Route>
  readonly #handlers: RunningHandlers
  readonly #batches = new BatchRuns()
  readonly #circuits: Circuits
  readonly #consumer: Consumer
  #state: 'consuming' | 'lost' | 'closed' = 'closed'
  #duplicates = 0

  constructor(plan: PlannedSubscription, parts: SubscriptionParts) {
    this.#plan = plan
    this.#parts = parts
    this.#handlers = new RunningHandlers(plan.service.name, parts)
    const lanes = mapped(plan.routes, (registration) =>
      readyLane(registration, { service: plan.service.name, runtime: parts.runtime, adopt: this.#adopt }),
    )
    this.#routes = mapped(plan.routes, (registration, type) => this.#routeFor(registration, lanes.get(type)))
    const { service, group, transient, concurrency, prefetch } = plan
    const where = { channel: group.channel.name, group: group.name }
    const circuits = [...lanes.values()].map(({ limits }) => limits.circuit)
    this.#circuits = new Circuits(
      circuits.filter((circuit) => circuit !== undefined),
      where,
      parts.logger,
    )
    const waitsAtMostMs = parts.settleWithinMs * WAIT_SHARE
    this.#consumer = new Consumer(
      { service: service.name, ...where, transient, concurrency, prefetch, waitsAtMostMs },
      {
        process: this.#process(),
        lanes: readyLanes(plan, lanes, parts),
        beginBatch: (batch) => this.#batches.begin(batch),
        runtime: parts.runtime,
        logger: parts.logger,
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
    return this.#state === 'consuming' && this.#handlers.isStuck ? 'stuck' : this.#state
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
    const deadline = this.#parts.deadlines.add(deadlineMs, () => this.#handlers.giveUp())
    try {
      await this.#consumer.close(deadlineMs)
    } finally {
      deadline.cancel()
      this.#handlers.giveUp()
    }
  }

  #process(): Process {
    const { runtime, maxDeliveries, answerer } = this.#parts
    const { service, group, skipUnknown } = this.#plan
    return handleDelivery({
      now: () => runtime.now(),
      service: service.name,
      group: group.name,
      member: `${service.name} in process ${pid} on ${hostname()}`,
      maxDeliveries,
      skipUnknown,
      routeOf: (message) => this.#routeOf(message),
      adopt: this.#adopt,
      context: (delivery, message, body) => this.#context(delivery, message, body),
      answer: (request, reply) => answerer.answer(request, reply),
    })
  }

  #routeFor(registration: Registration, lane: Lane | undefined): Route {
    const onDuplicate = (): void => void this.#duplicates++
    return readyRoute(registration, this.#plan.service, this.#parts, {
      circuit: lane?.limits.circuit,
      joining: (batch) => this.#batches.joining(batch),
      around: (next) => this.#handlers.tracked(next),
      onTimeout: (handling, error) => this.#handlers.overTime(registration, handling, error),
      ...transactionHooks(registration, this.#plan, this.#parts, onDuplicate),
    })
  }

  #routeOf(message: WireMessage): Route | undefined {
    // What ordinary clients put on a foreign channel has no type of ours: its one handler takes it.
    if (this.#plan.group.channel.foreign !== undefined) return this.#routes.values().next().value
    return this.#routes.get(message.type)
  }

  #context(delivery: Delivery, message: WireMessage, body: unknown): HandlerContext {
    const { service, group } = this.#plan
    const Kind = service.store === undefined ? HandlerContext : TransactionalHandlerContext
    const sender = this.#parts.speakFor(service.name, message)
    const context = new Kind(delivery, message, body, service.name, group.name, sender)
    this.#batches.bind(context, delivery)
    return context
  }

  readonly #adopt = (contracted: AnyContracted, message: WireMessage): WireMessage =>
    adopt(contracted, message, this.#parts.runtime)
}

function mapped<A, B>(map: ReadonlyMap<string, A>, make: (value: A, key: string) => B): ReadonlyMap<string, B> {
  return new Map([...map].map(([key, value]) => [key, make(value, key)]))
}
