import type { Middleware } from '../../middleware/handler.ts'
import { durationMs } from '../../runtime/duration.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { BusOptions, OutboxOptions } from './bus-options.ts'
import { checkCount } from '../service/check-options.ts'
import { consoleLogger, type Logger } from '../observation/logger.ts'
import { steadyLogger } from '../observation/steady-logger.ts'

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
  /** The bus's own: of `bus.in(tx)`. */
  readonly store: Store<unknown> | undefined
  /** That one and those of the services, each once. */
  readonly stores: readonly Store<unknown>[]
  readonly deadLetterLifeMs: number
  readonly outbox: OutboxSettings
}

/** `OutboxOptions` with its defaults filled in and checked. */
interface OutboxSettings {
  readonly relay: boolean
  readonly pollMs: number
  readonly leaseMs: number
  readonly batch: number
  readonly attempts: number
  readonly maxLagMs: number
}

/** A database cannot be asked for leases all the time, nor relays be waited for when they died. */
const MIN_LEASE_MS = 1_000
const MAX_BATCH = 10_000

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
    store: options.store,
    stores: [...new Set([options.store, ...services.map(({ store }) => store)])].filter((store) => store !== undefined),
    deadLetterLifeMs: durationMs(options.deadLetterLife ?? '14d'),
    outbox: outboxSettings(options.outbox ?? {}),
  }
}

function outboxSettings(options: OutboxOptions): OutboxSettings {
  const { relay = true, batch = 512, attempts = 10 } = options
  checkCount('outbox.batch', batch, MAX_BATCH)
  checkCount('outbox.attempts', attempts, 1_000)
  const pollMs = durationMs(options.poll ?? '1s')
  if (pollMs < 1) throw new TypeError('outbox.poll must be longer than nothing')
  const leaseMs = durationMs(options.lease ?? '15s')
  if (leaseMs < MIN_LEASE_MS) throw new TypeError(`outbox.lease must be ${MIN_LEASE_MS} ms or more, not ${leaseMs}`)
  return { relay, pollMs, leaseMs, batch, attempts, maxLagMs: durationMs(options.maxLag ?? '1m') }
}
