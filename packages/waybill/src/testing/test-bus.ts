import { createBus } from '../bus/create-bus.ts'
import type { Bus, TransactionalBus } from '../bus/bus.ts'
import type { BusOptions } from '../bus/settings/bus-options.ts'
import { DIAGNOSTIC_CHANNELS, type HandleEnded } from '../bus/observation/diagnostics.ts'
import { silentLogger } from '../bus/observation/logger.ts'
import type { AnyKept, DeadLettersOptions } from '../bus/dead-letters/dead-letters-options.ts'
import type { Service } from '../bus/service/service.ts'
import type { AnyContracted, Out } from '../contract/contract.ts'
import type { DeadLetters } from '../dead-letters/dead-letters.ts'
import { decode } from '../contract/decode.ts'
import type { DeadLetterReason } from '../message/failure.ts'
import type { Store } from '../store/store.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { durationMs, type Duration } from '../runtime/duration.ts'
import { virtualRuntime, type VirtualRuntime } from '../runtime/virtual-runtime.ts'
import { embedded } from '../transports/embedded/embedded.ts'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Record, recordingTransport } from './recording-transport.ts'

export interface TestBusOptions extends Omit<BusOptions, 'transport' | 'runtime' | 'drainOn'> {
  /** Same seed, same ids and jitter. Default 1. */
  readonly seed?: number
  /**
   * `settle()` and `advance()` reject with the first error that a handler threw since, so that a test does not pass over
   * it. Set it to false in a test about failures. Default true.
   */
  readonly rethrow?: boolean
}

/** What became of the messages of one contract, over all services. */
export interface Tally {
  /** Handed to services, retries and redeliveries included. */
  readonly attempts: number
  /** Acknowledged. */
  readonly processed: number
  /** Tries that failed and were followed by another. */
  readonly retried: number
  readonly deadLettered: number
}

export interface TestDeadLetter {
  readonly type: string
  readonly group: string
  readonly reason: DeadLetterReason
  /** The last error's message, or the reason the handler gave. */
  readonly detail: string
  readonly message: WireMessage
}

/** As `bus.deadLetters` is asked. */
type OfGroup<M extends AnyKept> = readonly [group: string | Service, message: M, options?: DeadLettersOptions]

/** A bus in memory on virtual time: nothing happens behind the test's back, and an hour passes at once. */
export interface TestBus extends Bus {
  readonly runtime: VirtualRuntime
  /** Lets everything run that needs no time to pass; resolves when no work of the framework remains. */
  settle(): Promise<void>
  /** Moves the clock on, firing what is due, then settles. */
  advance(duration: Duration): Promise<void>
  /** Bodies of this message that the test or its services have sent so far, in order. */
  sent<M extends AnyContracted>(message: M): Promise<readonly Out<M>[]>
  tally(message: AnyContracted): Tally
  /** All that died so far, over all groups; those too that were redriven since. */
  deadLetters(): readonly TestDeadLetter[]
  deadLetters<M extends AnyKept>(...of: OfGroup<M>): DeadLetters<M>
  readonly faults: {
    /** The next `times` (default 1) handled deliveries of it are not acknowledged, as if the process had died: they come again. */
    crashBeforeAck(message: AnyContracted, times?: number): void
    /** The next `times` (default 1) messages of it are stored twice. */
    duplicate(message: AnyContracted, times?: number): void
  }
}

/** A test bus with a store, for instance `sqliteStore(':memory:')`. */
export interface TransactionalTestBus<Tx> extends TestBus, Omit<TransactionalBus<Tx>, keyof Bus> {}

/** On virtual time nothing is missed between looks, so that months pass with few of them; and nobody else relays. */
const OUTBOX = { poll: '1h', lease: '365d' } as const

/** Leaving the scope of a test bus moves its clock on by at most an hour, which is beyond any sensible drain. */
const DISPOSE_STEP_MS = 10_000
const MAX_DISPOSE_STEPS = 360

/**
 * Runs services on an in-memory broker: real routing, settlement, retries and dead letters, under a clock that the test
 * moves.
 */
export function testBus<Tx>(options: TestBusOptions & { readonly store: Store<Tx> }): Promise<TransactionalTestBus<Tx>>
export function testBus(options?: TestBusOptions): Promise<TestBus>
export async function testBus(options: TestBusOptions = {}): Promise<TestBus> {
  const { seed = 1, rethrow = true, ...busOptions } = options
  const runtime = virtualRuntime({ seed })
  const record = new Record()
  const errors: Error[] = []
  // Without a store, its verbs are not in the type of what is returned, and throw.
  const bus = (await createBus({
    logger: silentLogger,
    ...busOptions,
    outbox: { ...OUTBOX, ...busOptions.outbox },
    runtime,
    transport: async (clock) => recordingTransport(await embedded({ memory: true })(clock), record),
    drainOn: [],
  })) as TransactionalBus<unknown>
  // Other buses of this process speak on the same channel: ours are the messages that our broker delivered.
  const onHandled = (event: unknown): void => {
    const { error, message } = event as HandleEnded // that channel's shape
    if (error !== undefined && record.delivered.has(message)) errors.push(error)
  }
  subscribe(DIAGNOSTIC_CHANNELS.handleEnd, onHandled)

  const settle = async (): Promise<void> => {
    await runtime.settle()
    const [first] = errors.splice(0)
    if (rethrow && first !== undefined) throw first
  }
  const of = (message: AnyContracted) =>
    record.settlements.filter(({ settlement }) => settlement.delivery.message.type === message.type)
  const drain = async (timeout?: Duration): Promise<void> => {
    const drained = bus.drain(timeout)
    await runtime.advance(0)
    await drained
    unsubscribe(DIAGNOSTIC_CHANNELS.handleEnd, onHandled)
  }
  // The test is over: nobody is left to move the clock or to let a handler return.
  const dispose = async (): Promise<void> => {
    let ended = false
    const drained = drain().finally(() => (ended = true))
    for (let n = 0; n < MAX_DISPOSE_STEPS && !ended; n++) await runtime.advance(DISPOSE_STEP_MS)
    await drained
  }

  const died = (): readonly TestDeadLetter[] =>
    record.settlements.flatMap(({ settlement, group }) => {
      if (settlement.action !== 'reject') return []
      const { delivery, reason, detail } = settlement
      return [{ type: delivery.message.type, group, reason, detail, message: delivery.message }]
    })
  function deadLetters(): readonly TestDeadLetter[]
  function deadLetters<M extends AnyKept>(...of: OfGroup<M>): DeadLetters<M>
  function deadLetters(
    ...[group, message, like]: OfGroup<AnyKept> | []
  ): readonly TestDeadLetter[] | DeadLetters<AnyKept> {
    return group === undefined || message === undefined ? died() : bus.deadLetters(group, message, like)
  }

  const test: TransactionalTestBus<unknown> = {
    in: (tx) => bus.in(tx),
    schedule: (message, body, when) => bus.schedule(message, body, when),
    cancelScheduled: (id) => bus.cancelScheduled(id),
    publish: (event, body, send) => bus.publish(event, body, send),
    send: (message, body, send) => bus.send(message, body, send),
    request: (request, body, ask) => bus.request(request, body, ask),
    requestAsync: (request, body, ask) => bus.requestAsync(request, body, ask),
    scatter: (survey, body, ask) => bus.scatter(survey, body, ask),
    subscription: (service, message) => bus.subscription(service, message),
    health: () => bus.health(),
    explain: (messages) => bus.explain(messages),
    read: (event, from) => bus.read(event, from),
    drain,
    [Symbol.asyncDispose]: dispose,
    facts: bus.facts,
    subscriptions: bus.subscriptions,
    runtime,
    settle,
    advance: async (duration) => {
      await runtime.advance(durationMs(duration))
      await settle()
    },
    sent: async <M extends AnyContracted>(message: M) => {
      const wires = record.sent.filter(({ type }) => type === message.type)
      return Promise.all(wires.map(async (wire) => (await decode(message, wire)) as Out<M>)) // decoded by its own schema
    },
    tally: (message) => ({
      attempts: record.deliveries.filter(({ type }) => type === message.type).length,
      processed: of(message).filter(({ settlement }) => settlement.action === 'ack').length,
      retried: of(message).filter(({ settlement: { action, ...rest } }) => action === 'retry' && 'failure' in rest)
        .length,
      deadLettered: of(message).filter(({ settlement }) => settlement.action === 'reject').length,
    }),
    deadLetters,
    faults: {
      crashBeforeAck: (message, times = 1) => void record.crashes.set(message.type, times),
      duplicate: (message, times = 1) => void record.duplicates.set(message.type, times),
    },
  }
  return test
}
