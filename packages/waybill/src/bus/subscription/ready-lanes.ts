// From the options of a subscription's handlers to their limits at work.
import { decode } from '../../contract/decode.ts'
import { retryPolicy } from '../../middleware/retry-policy.ts'
import { Breaker } from '../../resilience/circuit-breaker.ts'
import { RateLimit } from '../../resilience/rate-limit.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery } from '../../transport/transport.ts'
import type { AnyContracted } from '../../contract/contract.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import { batchLimits, killSwitchName } from '../service/limit-options.ts'
import { KeyedRate } from '../limits/keyed-rate.ts'
import { Lane } from '../consuming/lane.ts'
import { Lanes } from '../consuming/lanes.ts'
import type { Logger } from '../observation/logger.ts'
import type { PlannedSubscription } from '../service/plan-subscriptions.ts'
import { Quarantine } from '../consuming/quarantine.ts'
import type { Registration } from '../service/registration.ts'
import { HandlerCircuit } from '../limits/handler-circuit.ts'

export interface LaneParts {
  readonly service: string
  readonly runtime: Runtime
  readonly adopt: (contracted: AnyContracted, message: WireMessage) => WireMessage
}

/** The limits of one handler; its breaker takes its time from the bus. */
export function readyLane(registration: Registration, parts: LaneParts): Lane {
  const { message, options, batch } = registration
  const { bulkhead, rate } = options
  const limit = rate === undefined ? undefined : new RateLimit(rate, 'rate')
  const key = rate?.key
  return new Lane({
    bulkhead,
    circuit: circuitOf(registration, parts),
    rate: key === undefined ? limit : undefined,
    keyed:
      key === undefined || limit === undefined
        ? undefined
        : new KeyedRate(limit, keyOf(registration, key, parts), parts.runtime),
    batch: batch === undefined ? undefined : batchLimits(`of ${parts.service} on ${message.type}`, batch),
  })
}

/** All lanes of a subscription, and one for what none of its handlers knows. */
export function readyLanes(
  { group }: Pick<PlannedSubscription, 'group'>,
  handlers: ReadonlyMap<string, Lane>,
  {
    runtime,
    maxDeliveries,
    logger,
  }: { readonly runtime: Runtime; readonly maxDeliveries: number; readonly logger: Logger },
): Lanes {
  const unknown = new Lane({})
  // On a foreign channel one handler takes whatever comes.
  const only = group.channel.foreign === undefined ? undefined : handlers.values().next().value
  return new Lanes({
    handlers: [...handlers.values()],
    unknown,
    laneOf: ({ message: { type } }) => only ?? handlers.get(type) ?? unknown,
    quarantine: new Quarantine(maxDeliveries, runtime),
    onSuspect: ({ message: { id, type }, deliveryCount }) =>
      logger.warn(
        { id, type, group: group.name, deliveries: deliveryCount },
        'a message was handed out again and again without being settled: it is handled alone',
      ),
  })
}

function circuitOf({ message, options, role }: Registration, parts: LaneParts): HandlerCircuit | undefined {
  const { breaker, killSwitch, retry = {} } = options
  // Who asks waits for an answer, and would rather know at once.
  const pauses = role !== 'answer'
  const policy = retryPolicy(retry, () => 0)
  const isFinal = (error: unknown): boolean => policy.isFinal(error)
  if (breaker instanceof Breaker) {
    breaker.useRuntime(parts.runtime)
    return new HandlerCircuit(breaker, false, pauses, isFinal)
  }
  if (killSwitch === undefined) return undefined
  const own = new Breaker(killSwitchName(parts.service, message), killSwitch)
  own.useRuntime(parts.runtime)
  return new HandlerCircuit(own, true, pauses, isFinal)
}

/** Reads the body once more than the handling will; what cannot be read is not held back from becoming a dead letter. */
function keyOf(
  { message: contracted }: Registration,
  key: (body: never) => string,
  { adopt }: LaneParts,
): (delivery: Delivery) => string | undefined | Promise<string | undefined> {
  const read = (body: unknown): string | undefined => {
    const text: unknown = key(body as never) // checked at registration
    return typeof text === 'string' ? text : undefined
  }
  return ({ message }) => {
    try {
      const body = decode(contracted, adopt(contracted, message))
      return body instanceof Promise ? body.then(read).catch(() => undefined) : read(body)
    } catch {
      return undefined // the handling comes to the same error, and says so
    }
  }
}
