// The beginning of a bus.
import type { AnyContracted } from '../../contract/contract.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Group, Transport } from '../../transport/transport.ts'
import { Answerer } from '../handling/answerer.ts'
import type { BusParts } from './bus-parts.ts'
import { refuseWhatCannotBeKept, verdictsOf } from '../explain/explain-bus.ts'
import type { PlannedSubscription } from '../service/plan-subscriptions.ts'
import { RunningSubscription } from '../subscription/running-subscription.ts'
import type { Sender } from '../sending/sender.ts'
import type { Transaction } from '../transactions/transaction.ts'
import type { TransactionSender } from '../sending/transaction-sender.ts'

export interface StartOptions {
  readonly plans: readonly PlannedSubscription[]
  readonly declare: readonly AnyContracted[]
  /** What a service says while it handles `parent`. */
  readonly speakFor: (service: string, parent: WireMessage) => Sender
  /** The same within a transaction. */
  readonly speakWithin: (service: string, parent: WireMessage, transaction: Transaction) => TransactionSender
  /** Called once the link is up, before anything is handed to a handler. */
  readonly connected: (facts: EngineFacts) => void
}

/**
 * Opens the stores, connects, declares and subscribes, all within the start time-out. Nothing is subscribed where a verdict
 * refuses it.
 *
 * @throws {WaybillError} `WAYBILL_NOT_CONNECTED` when that takes too long; `WAYBILL_LIMIT` or `WAYBILL_UNSUPPORTED` for
 *   what this engine cannot keep; otherwise what the transport says
 */
export async function startBus(parts: BusParts, options: StartOptions): Promise<void> {
  const { transport, settings, deadlines } = parts
  const { startTimeoutMs } = settings
  const abort = new AbortController()
  const tooLate = new Promise<never>((_resolve, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true }) // aborted below with an Error
  })
  const deadline = deadlines.add(startTimeoutMs, () => {
    const what = `${transport.name} did not answer within ${startTimeoutMs} ms`
    abort.abort(new WaybillError('WAYBILL_NOT_CONNECTED', what))
  })
  try {
    await Promise.race([connectAndSubscribe(parts, options, abort.signal), tooLate])
  } finally {
    deadline.cancel()
  }
}

/** Goes no further once `signal` has aborted: by then the bus is being closed. */
async function connectAndSubscribe(parts: BusParts, options: StartOptions, signal: AbortSignal): Promise<void> {
  const { transport, settings, deadlines, sends, subscriptions, stores } = parts
  const { plans, declare, speakFor, speakWithin, connected } = options
  await stores.open(signal)
  const facts = await transport.connect(signal)
  signal.throwIfAborted()
  connected(facts)
  if (declare.length > 0) await transport.declare({ channels: declare.map(({ channel }) => channel), groups: [] })
  const engine = { facts, routeFacts: (group: Group) => factsOf(transport, group) }
  const verdicts = await Promise.all(plans.map((plan) => verdictsOf(plan, engine, settings)))
  refuseWhatCannotBeKept(verdicts.flat(), settings.logger)
  for (const [nth, plan] of plans.entries()) {
    signal.throwIfAborted()
    const subscription = new RunningSubscription(plan, {
      runtime: settings.runtime,
      logger: settings.logger,
      deadlines,
      middleware: settings.middleware,
      maxDeliveries: settings.maxDeliveries,
      settleWithinMs: verdicts[nth]?.[0]?.limits.settleWithinMs.value ?? Infinity,
      answerer: new Answerer(sends, settings, plan.service.name),
      speakFor,
      speakWithin,
      relayOf: (store) => stores.relayOf(store),
    })
    subscriptions.push(subscription)
    await subscription.start(transport)
  }
  // Now everybody here hears what was committed before.
  signal.throwIfAborted()
  await stores.start()
}

/** An engine may keep a channel's settings with the channel, which is about to be declared anyway. */
async function factsOf(transport: Transport, group: Group): Promise<RouteFacts> {
  try {
    return await transport.routeFacts(group)
  } catch (error) {
    if (!isWaybillError(error, 'WAYBILL_NOT_FOUND')) throw error
    await transport.declare({ channels: [group.channel], groups: [] })
    return transport.routeFacts(group)
  }
}
