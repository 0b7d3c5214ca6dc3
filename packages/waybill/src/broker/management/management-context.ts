import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker } from '../broker.ts'
import type { BrokerServer } from '../server/serve-broker.ts'
import type { Rates } from './rates.ts'

/** What the resources of the API show and change. */
export interface ManagementContext {
  readonly runtime: Runtime
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
