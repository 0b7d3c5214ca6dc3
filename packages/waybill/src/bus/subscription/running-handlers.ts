import { encodeFailure } from '../../contract/reply.ts'
import { asText } from '../../message/as-error.ts'
import { AWAITED_HEADER } from '../../message/awaited.ts'
import { WaybillError } from '../../message/errors.ts'
import { isPromiseLike, type Handle, type Handling } from '../../middleware/handler.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Answerer } from '../handling/answerer.ts'
import type { HandlerContext } from '../handling/handler-context.ts'
import type { Logger } from '../observation/logger.ts'
import type { Registration } from '../service/registration.ts'

export interface RunningHandlersParts {
  readonly logger: Logger
  readonly deadlines: Deadlines
  readonly answerer: Answerer
}

/** A handler this much over its time-out makes the subscription `stuck`. */
const STUCK_GRACE_MS = 30_000

/**
 * The handlers of one subscription that have not returned.
 *
 *   runs --its time-out--> over time --a grace--> late
 *
 * A handler cannot be stopped: whatever it is, it ends as it returns.
 */
export class RunningHandlers {
  readonly #service: string
  readonly #parts: RunningHandlersParts
  readonly #running = new Set<HandlerContext>()
  readonly #late = new Set<HandlerContext>()

  constructor(service: string, parts: RunningHandlersParts) {
    this.#service = service
    this.#parts = parts
  }

  /** One of them is late. */
  get isStuck(): boolean {
    return this.#late.size > 0
  }

  /** Around a handler: keeps what has not returned at once. */
  tracked(next: Handle): Handle {
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
      return isPromiseLike(result) ? track(result, contextOf(handling)) : result
    }
  }

  /** The handler is over its time-out: whoever waits for its reply is told. */
  overTime(registration: Registration, handling: Handling, error: WaybillError): void {
    const { logger, deadlines, answerer } = this.#parts
    const context = contextOf(handling)
    const { message } = context
    logger.warn(
      { id: message.id, type: message.type, service: this.#service },
      'a handler is over its time-out; it keeps its slot until it returns',
    )
    deadlines.add(STUCK_GRACE_MS, () => {
      if (this.#running.has(context)) this.#late.add(context)
    })
    if (message.replyTo === undefined || message.headers[AWAITED_HEADER] === undefined || registration.role === 'reply')
      return
    context.answered = true
    answerer.answer(message, encodeFailure(error)).catch((cause: unknown) => {
      logger.error({ id: message.id, error: asText(cause) }, 'the requester could not be told of the time-out')
    })
  }

  /** Nobody waits for them any longer: aborts their signals, and their messages go back to the broker. */
  giveUp(): void {
    const what = `the bus closed before ${this.#service} had handled the message; it goes back to the broker`
    const error = new WaybillError('WAYBILL_CLOSED', what)
    for (const context of this.#running) {
      context.returned = true
      context.abort(error)
    }
  }
}

/** A subscription handles with contexts alone. */
function contextOf(handling: Handling): HandlerContext {
  return handling as HandlerContext
}
