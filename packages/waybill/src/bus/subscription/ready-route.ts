import type { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Handle, Handling, Middleware } from '../../middleware/handler.ts'
import { retryPolicy } from '../../middleware/retry-policy.ts'
import { timeout } from '../../middleware/timeout.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { AroundBatch, BatchHandling, HandleBatch } from '../batches/batch-runs.ts'
import type { Route } from '../handling/handle-delivery.ts'
import type { HandlerContext } from '../handling/handler-context.ts'
import { timeoutMsOf, type Registration } from '../service/registration.ts'
import type { Service } from '../service/service.ts'
import type { HandlerCircuit } from '../limits/handler-circuit.ts'

export interface RouteParts {
  readonly runtime: Runtime
  readonly deadlines: Deadlines
  /** The bus's; the service's own come within. */
  readonly middleware: readonly Middleware[]
}

export interface RouteHooks {
  /** What pauses it. */
  readonly circuit?: HandlerCircuit | undefined
  /** Of a handler of batches: makes its call one for all messages of a batch. */
  readonly joining: (batch: BatchHandling) => Handle
  /** Of a handler of batches of a service with a store. */
  readonly aroundBatch?: AroundBatch | undefined
  /** The outermost wrapper. */
  readonly around: Middleware
  readonly onTimeout: (handling: Handling, error: WaybillError) => void
  /** Of a service with a store: around the middleware, and around the handler itself. */
  readonly transaction?: { readonly around: Middleware; readonly innermost: Middleware }
}

/**
 * A registration made ready to handle: around the handler its service's middleware, the bus's, its transaction where the
 * service has a store, the time-out, its circuit where that refuses instead of pausing, and {@link RouteHooks.around}.
 *
 * @throws {TypeError} when a middleware returns no handler
 */
export function readyRoute(registration: Registration, service: Service, parts: RouteParts, hooks: RouteHooks): Route {
  const { runtime, deadlines } = parts
  const { message, options } = registration
  const retry = retryPolicy(options.retry ?? {}, () => runtime.random())
  // A HandlerContext is both what middleware sees and what the handler gets; the body's type was checked at registration.
  const handle: Handle =
    registration.batch === undefined
      ? (handling) => registration.handle(handling.body as never, handling as HandlerContext)
      : hooks.joining({ handle: registration.handle as unknown as HandleBatch, around: hooks.aroundBatch }) // as onBatch takes it
  const { transaction } = hooks
  const handler = transaction === undefined ? handle : transaction.innermost(handle)
  const wrapped = [...parts.middleware, ...service.middleware].reduceRight<Handle>((next, wrap) => {
    const outer: unknown = wrap(next)
    if (typeof outer !== 'function')
      throw new TypeError(`a middleware of ${service.name} returned no handler for ${message.type}`)
    return outer as Handle
  }, handler)
  const whole = transaction === undefined ? wrapped : transaction.around(wrapped)
  const limited = timeout(timeoutMsOf(registration), deadlines, hooks.onTimeout)(whole)
  const { circuit } = hooks
  const guarded = circuit === undefined || circuit.pauses ? limited : circuit.guarding(limited)
  const putsOff = circuit && ((error: unknown, failed: WireMessage): boolean => circuit.putsOff(error, failed))
  return { registration, retry, putsOff, handle: hooks.around(guarded) }
}
