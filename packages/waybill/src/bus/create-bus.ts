import { durationMs } from '../runtime/duration.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Bus, BusOptions } from './bus.ts'
import type { BusSettings } from './bus-settings.ts'
import { checkCount } from './check-options.ts'
import { consoleLogger } from './logger.ts'
import { planSubscriptions } from './plan.ts'
import { resolveTransport } from './resolve-transport.ts'
import { RunningBus } from './running-bus.ts'
import { steadyLogger } from './steady-logger.ts'

/**
 * Connects, declares what the services need, and starts consuming. Resolves when the broker has confirmed every
 * subscription; rejects with one error, everything closed again, when something is wrong.
 *
 * @throws {TypeError} for an option out of range, before anything is opened
 * @throws {WaybillError} of scope `configuration` or `connection`: see its code and cure
 */
export async function createBus(options: BusOptions = {}): Promise<Bus> {
  const settings = settingsOf(options)
  const plans = planSubscriptions(options.services ?? [])
  const factory = options.transport ?? (await fromEnvironment(settings))
  const bus = new RunningBus(await factory(settings.runtime), settings)
  try {
    await bus.start(plans, options.declare ?? [], options.drainOn ?? ['SIGTERM'])
  } catch (error) {
    await bus.drain(0)
    throw error
  }
  return bus
}

async function fromEnvironment(settings: BusSettings): Promise<NonNullable<BusOptions['transport']>> {
  const { factory, shown } = await resolveTransport({
    url: process.env['WAYBILL_URL'],
    mode: process.env['NODE_ENV'],
    cwd: process.cwd(),
  })
  settings.logger.info({ transport: shown }, 'no transport was passed to createBus')
  return factory
}

const NAME = /^[\w.-]{1,63}$/

function settingsOf(options: BusOptions): BusSettings {
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
