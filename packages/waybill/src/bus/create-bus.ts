import { durationMs } from '../runtime/duration.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Bus, BusOptions } from './bus.ts'
import { consoleLogger } from './logger.ts'
import { planSubscriptions } from './plan.ts'
import { resolveTransport } from './resolve-transport.ts'
import { RunningBus, type BusSettings } from './running-bus.ts'

/**
 * Connects, declares what the services need, and starts consuming. Resolves when the broker has confirmed every
 * subscription; rejects with one error, everything closed again, when something is wrong.
 *
 * @throws {WaybillError} of scope `configuration` or `connection`: see its code and cure
 */
export async function createBus(options: BusOptions = {}): Promise<Bus> {
  const settings = settingsOf(options)
  const plans = planSubscriptions(options.services ?? [])
  const factory = options.transport ?? (await fromEnvironment(settings))
  const bus = new RunningBus(factory(settings.runtime), settings)
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

function settingsOf(options: BusOptions): BusSettings {
  const only = options.services?.length === 1 ? options.services[0]?.name : undefined
  const maxDeliveries = options.maxDeliveries ?? 20
  if (!Number.isInteger(maxDeliveries) || maxDeliveries < 1)
    throw new TypeError(`maxDeliveries must be a whole number from 1, not ${maxDeliveries}`)
  return {
    name: options.name ?? only ?? 'bus',
    runtime: options.runtime ?? systemRuntime(),
    logger: options.logger ?? consoleLogger,
    middleware: options.middleware ?? [],
    sendTimeoutMs: durationMs(options.sendTimeout ?? '30s'),
    requestTimeoutMs: durationMs(options.requestTimeout ?? '10s'),
    startTimeoutMs: durationMs(options.startTimeout ?? '30s'),
    drainTimeoutMs: durationMs(options.drainTimeout ?? '25s'),
    maxDeliveries,
    warnBodyBytes: options.warnBodyBytes ?? 1024 * 1024,
  }
}
