import type { WireMessage } from '../message/wire-message.ts'

/** One message on its way through the middleware to its handler. */
export interface Handling {
  readonly message: WireMessage
  /** The decoded, validated body. */
  readonly body: unknown
  readonly attempt: number
  readonly service: string
  readonly group: string
  /** Aborts when the handler times out or the bus gives up waiting for it; made on first use. */
  readonly signal: AbortSignal
  abort(reason: Error): void
}

/** Handles a message; what it resolves to is the reply, where one is wanted. */
export type Handle = (handling: Handling) => unknown

/** Wraps one handler in another: `middleware(next)` is called once per handler, when the bus starts. */
export type Middleware = (next: Handle) => Handle

/** Whether a handler goes on after its call: a promise of any library. */
export function isPromiseLike(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function'
}
