import type { Middleware } from '../middleware/handler.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Logger } from './logger.ts'

/** `BusOptions` with its defaults filled in and checked. */
export interface BusSettings {
  readonly name: string
  /** Whose `onReply` handlers get the replies to what the bus itself asks: its only service. */
  readonly replyService: string | undefined
  readonly runtime: Runtime
  readonly logger: Logger
  readonly middleware: readonly Middleware[]
  readonly sendTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly startTimeoutMs: number
  readonly drainTimeoutMs: number
  readonly maxDeliveries: number
  readonly warnBodyBytes: number
}
