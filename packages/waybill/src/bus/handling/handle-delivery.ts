// From a delivery to its outcome: find the handler, read the body, handle, answer, decide what becomes of a failure.
import type { AnyContracted } from '../../contract/contract.ts'
import { decode } from '../../contract/decode.ts'
import { decodeReply, encodeFailure, type EncodedReply } from '../../contract/reply.ts'
import { asText } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { DeadLetterReason } from '../../message/failure.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Handle } from '../../middleware/handler.ts'
import type { RetryPolicy } from '../../middleware/retry-policy.ts'
import { retryAfterOf } from '../../resilience/circuit-breaker.ts'
import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import type { Delivery } from '../../transport/transport.ts'
import { AWAITED_HEADER } from '../../message/awaited.ts'
import type { HandlerContext } from './handler-context.ts'
import { firstFailureAt, waitsSince } from './message-history.ts'
import { replyOf, WrongReply } from './reply-of.ts'
import type { AsyncReply } from '../service/service.ts'
import type { Registration } from '../service/registration.ts'
import { ACKNOWLEDGED, type Process, type Outcome } from './outcome.ts'

/** A registration made ready: its middleware composed, its policy checked. */
export interface Route {
  readonly registration: Registration
  readonly handle: Handle
  readonly retry: RetryPolicy
  /** Whether what failed so waits until its circuit is closed, with no attempt counted. */
  readonly putsOff?: ((error: unknown, message: WireMessage) => boolean) | undefined
}

export interface HandlingParts {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly service: string
  readonly group: string
  /** This process, for people. */
  readonly member: string
  /** Deliveries without settlement after which a message is poison. */
  readonly maxDeliveries: number
  /** What no handler here knows is acknowledged instead of put aside. */
  readonly skipUnknown: boolean
  readonly routeOf: (message: WireMessage) => Route | undefined
  /** An ordinary client's message with the headers that it lacks. */
  readonly adopt: (contracted: AnyContracted, message: WireMessage) => WireMessage
  readonly context: (delivery: Delivery, message: WireMessage, body: unknown) => HandlerContext
  /** Sends a reply to the request's return address; resolves when it is stored, or nobody is there any more. */
  readonly answer: (request: WireMessage, reply: EncodedReply) => Promise<void>
}

export function handleDelivery(parts: HandlingParts): Process {
  return async (delivery) => {
    let { message } = delivery
    if ((delivery.deliveryCount ?? 1) > parts.maxDeliveries) return conclude(parts, message, poison(parts, delivery))
    if ((message.expiresAt ?? Infinity) <= parts.now()) return expired(message)
    const route = parts.routeOf(message)
    let body: unknown
    try {
      if (route === undefined) {
        throw new WaybillError(
          'WAYBILL_UNKNOWN_TYPE',
          `${parts.service} has no handler for ${message.type === '' ? 'a message without type' : message.type}`,
        )
      }
      message = parts.adopt(route.registration.message, message)
      const read = readBody(route.registration, message)
      body = read instanceof Promise ? await read : read
    } catch (error) {
      return conclude(parts, message, unreadable(parts, route, error))
    }
    const context = parts.context(delivery, message, body)
    try {
      const result: unknown = await route.handle(context)
      if (message.replyTo !== undefined && route.registration.role !== 'reply' && !context.answered) {
        const reply = replyOf(route.registration, result)
        await parts.answer(message, reply instanceof Promise ? await reply : reply)
      }
      return ACKNOWLEDGED
    } catch (error) {
      // The bus has stopped waiting for the handler: that is no failure of it, and somebody else will handle the message.
      if (context.returned) return { action: 'return', error }
      const outcome = afterFailure(parts, route, message, error)
      return context.answered ? settledFor(message, outcome) : conclude(parts, message, outcome)
    }
  }
}

function readBody(registration: Registration, message: WireMessage): unknown {
  if (registration.role !== 'reply') return decode(registration.message, message)
  return Promise.resolve(decodeReply(registration.message, message)).then(
    (value): AsyncReply<unknown> => ({ ok: true, value }),
    (error: unknown): AsyncReply<unknown> => {
      if (!isWaybillError(error, 'WAYBILL_REMOTE_FAILED')) throw error
      return { ok: false, error }
    },
  )
}

/** No handler has seen it, and trying again would read the same bytes. */
function unreadable(parts: HandlingParts, route: Route | undefined, error: unknown): Outcome {
  const unknown = isWaybillError(error, 'WAYBILL_UNKNOWN_TYPE')
  const skip = route === undefined ? parts.skipUnknown : route.registration.options.unknown === 'skip'
  if (unknown && skip) return ACKNOWLEDGED
  return { action: 'reject', reason: unknown ? 'unknown' : 'malformed', error }
}

/** While it waited here. Nobody wants it any more, and so nobody is told. */
function expired(message: WireMessage): Outcome {
  if (vanishesWhenExpired(message)) return ACKNOWLEDGED
  return {
    action: 'reject',
    reason: 'expired',
    error: new WaybillError('WAYBILL_EXPIRED', `${message.type} (id ${message.id}) waited too long`),
  }
}

function afterFailure(
  { group, now }: HandlingParts,
  { retry, putsOff }: Route,
  message: WireMessage,
  error: unknown,
): Outcome {
  if (isWaybillError(error, 'WAYBILL_DEAD_LETTERED')) return { action: 'reject', reason: 'rejected', error }
  if (error instanceof WrongReply) return { action: 'reject', reason: 'failed', error: error.cause }
  // Whoever waits for the reply is told at once, and decides about trying again.
  if (message.headers[AWAITED_HEADER] !== undefined) return { action: 'reject', reason: 'failed', error }
  const openForMs = retryAfterOf(error)
  if (openForMs !== undefined || putsOff?.(error, message) === true)
    return { action: 'put-off', afterMs: openForMs ?? 0, error }
  const firstAt = firstFailureAt(message, group) ?? Infinity
  const afterMs = retry.delayBefore(message.attempt + 1, error, Math.max(0, now() - firstAt))
  return afterMs === undefined
    ? { action: 'reject', reason: 'failed' satisfies DeadLetterReason, error }
    : { action: 'retry', afterMs, error }
}

/** Tells the requester, where there is one, that the message has failed for good. */
async function conclude(parts: HandlingParts, message: WireMessage, outcome: Outcome): Promise<Outcome> {
  if (message.replyTo === undefined || outcome.action !== 'reject' || message.kind === 'reply') return outcome
  try {
    await parts.answer(message, encodeFailure(outcome.error))
  } catch (cause) {
    // The requester learns nothing, so the message is kept with both errors.
    return {
      ...outcome,
      error: new AggregateError(
        [outcome.error, cause],
        `${asText(outcome.error)}; and the reply could not be sent: ${asText(cause)}`,
      ),
    }
  }
  return settledFor(message, outcome)
}

/** A question whose asker has had an error is done; a command, and what may kill processes, is kept for the operator. */
function settledFor({ kind }: WireMessage, outcome: Outcome): Outcome {
  const done = (kind === 'query' || kind === 'survey') && outcome.action === 'reject' && outcome.reason !== 'poison'
  return done ? ACKNOWLEDGED : outcome
}

/** With all that is known here: how often, since when at the earliest, and who has put it aside. */
function poison({ group, member }: HandlingParts, { message, deliveryCount }: Delivery): Outcome {
  const { type, id } = message
  const since = new Date(waitsSince(message))
  const when = Number.isNaN(since.getTime()) ? '' : `, since ${since.toISOString()} at the earliest`
  const what = `${type} (id ${id}) was delivered ${deliveryCount} times to ${group} without being settled${when}`
  const error = new WaybillError('WAYBILL_POISON', `${what}; the last who got it, and put it aside, was ${member}`)
  return { action: 'reject', reason: 'poison', error }
}
