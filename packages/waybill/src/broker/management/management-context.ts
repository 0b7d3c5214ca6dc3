import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker } from '../broker.ts'
import type { BrokerServer } from '../server/serve-broker.ts'
import type { Rates } from './rates.ts'

/** A broker that can be stopped and started while it is managed. */
export interface ManagedApp {
  readonly isRunning: boolean
  /** @throws {WaybillError} `WAYBILL_CLOSED` while it is stopped */
  readonly broker: Broker
  /** Where clients come in: their connections are shown. */
  readonly servers: readonly BrokerServer[]
  start(): Promise<void>
  stop(reason: string): Promise<void>
}

/** What the resources of the API show and change. */
export interface ManagementContext {
  readonly runtime: Runtime
  readonly app: ManagedApp
  /** That of now: not to be kept. */
  readonly broker: Broker
  readonly servers: readonly BrokerServer[]
  readonly rates: Rates
  /** `name@host`, as clients know nodes. */
  readonly node: string
  /** Of the package. */
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}
