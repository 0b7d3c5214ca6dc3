import type { Middleware } from '../middleware/handler.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { BusOptions } from './bus.ts'
import { checkCount } from './check-options.ts'
import { consoleLogger, type Logger } from './logger.ts'
import { steadyLogger } from './steady-logger.ts'

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

const NAME = /^[\w.-]{1,63}$/

/** @throws {TypeError} for an option out of range */
export function busSettings(options: BusOptions): BusSettings {
  const { services = [], middleware = [], declare = [], warnBodyBytes = 1024 * 1024, maxDeliveries = 20 } = options
  const only = services.length === 1 ? services[0]?.name : undefined
  const name = options.name ?? only ?? 'bus'
  if (!NAME.test(name)) throw new TypeError(`name must be letters, digits and ._-, at most 63, not "${name}"`)
  checkCount('maxDeliveries', maxDeliveries, 1_000_000)
  checkCount('warnBodyBytes', warnBodyBytes, Number.MAX_SAFE_INTEGER)
  if (middleware.some((one) => typeof one !== 'function')) throw new TypeError('middleware must be a list of functions')
  const strange = declare.find(({ kind }) => kind !== 'command' && kind !== 'document')
  if (strange !== undefined)
    throw new TypeError(`declare takes commands and documents, not the ${strange.kind} ${strange.type}`)
  return {
    name,
    replyService: only,
    runtime: options.runtime ?? systemRuntime(),
    logger: steadyLogger(options.logger ?? consoleLogger),
    middleware,
    sendTimeoutMs: durationMs(options.sendTimeout ?? '30s'),
    requestTimeoutMs: durationMs(options.requestTimeout ?? '10s'),
    startTimeoutMs: durationMs(options.startTimeout ?? '30s'),
    drainTimeoutMs: durationMs(options.drainTimeout ?? '25s'),
    maxDeliveries,
    warnBodyBytes,
  }
}
