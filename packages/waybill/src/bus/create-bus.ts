import type { Store } from '../store/store.ts'
import type { DatabaseTransportFactory } from '../transport/transport-factory.ts'
import type { Bus, DatabaseBus, TransactionalBus } from './bus.ts'
import type { BusOptions } from './settings/bus-options.ts'
import { busSettings, type BusSettings } from './settings/bus-settings.ts'
import { planSubscriptions } from './service/plan-subscriptions.ts'
import { RunningBus } from './running-bus.ts'

/**
 * Connects, declares what the services need, and starts consuming. Resolves when the broker has confirmed every
 * subscription; rejects with one error, everything closed again, when something is wrong.
 *
 * @throws {TypeError} for an option out of range, before anything is opened
 * @throws {WaybillError} of scope `configuration` or `connection`: see its code and cure
 */
export function createBus<Tx>(options: BusOptions & { readonly store: Store<Tx> }): Promise<TransactionalBus<Tx>>
export function createBus<Tx>(
  options: BusOptions & { readonly transport: DatabaseTransportFactory<Tx> },
): Promise<DatabaseBus<Tx>>
export function createBus(options?: BusOptions): Promise<Bus>
export async function createBus(options: BusOptions = {}): Promise<Bus> {
  const settings = busSettings(options)
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
  const { resolveTransport } = await import('./settings/resolve-transport.ts')
  const { factory, shown } = await resolveTransport({
    url: process.env['WAYBILL_URL'],
    mode: process.env['NODE_ENV'],
    cwd: process.cwd(),
  })
  settings.logger.info({ transport: shown }, 'no transport was passed to createBus')
  return factory
}
