// The beginning of a bus.
import type { AnyContracted } from '../contract/contract.ts'
import { WaybillError } from '../message/errors.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import { Answerer } from './answerer.ts'
import type { BusParts } from './bus-parts.ts'
import type { PlannedSubscription } from './plan.ts'
import { RunningSubscription } from './running-subscription.ts'
import type { Sender } from './sender.ts'

export interface StartOptions {
  readonly plans: readonly PlannedSubscription[]
  readonly declare: readonly AnyContracted[]
  /** What a service says while it handles `parent`. */
  readonly speakFor: (service: string, parent: WireMessage) => Sender
  /** Called once the link is up, before anything is handed to a handler. */
  readonly connected: (facts: EngineFacts) => void
}

/**
 * Connects, declares and subscribes, all within the start time-out.
 *
 * @throws {WaybillError} `WAYBILL_NOT_CONNECTED` when that takes too long; otherwise what the transport says
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
  const { transport, settings, deadlines, sends, subscriptions } = parts
  const { plans, declare, speakFor, connected } = options
  const facts = await transport.connect(signal)
  signal.throwIfAborted()
  connected(facts)
  if (declare.length > 0) await transport.declare({ channels: declare.map(({ channel }) => channel), groups: [] })
  for (const plan of plans) {
    signal.throwIfAborted()
    const subscription = new RunningSubscription(plan, {
      runtime: settings.runtime,
      logger: settings.logger,
      deadlines,
      middleware: settings.middleware,
      maxDeliveries: settings.maxDeliveries,
      longestDelayMs: facts.capabilities.delayedRetry === 'refused' ? 0 : facts.limits.maxDelayMs.value,
      answerer: new Answerer(sends, settings, plan.service.name),
      speakFor,
    })
    subscriptions.push(subscription)
    await subscription.start(transport)
  }
}
