import { hostname } from 'node:os'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Broker } from '../broker.ts'
import type { BrokerServer } from '../server/serve-broker.ts'
import type { Route } from './http/route.ts'
import type { ManagementContext } from './management-context.ts'
import { Rates } from './rates.ts'
import { bindingRoutes } from './resources/bindings.ts'
import { channelRoutes } from './resources/channels.ts'
import { connectionRoutes } from './resources/connections.ts'
import { constantRoutes } from './resources/constant-resources.ts'
import { consumerRoutes } from './resources/consumers.ts'
import { definitionRoutes } from './resources/definitions.ts'
import { exchangePublishRoutes } from './resources/exchange-publish.ts'
import { exchangeRoutes } from './resources/exchanges.ts'
import { healthCheckRoutes } from './resources/health-checks.ts'
import { nodeRoutes } from './resources/nodes.ts'
import { overviewRoutes } from './resources/overview.ts'
import { queueMessageRoutes } from './resources/queue-messages.ts'
import { queueRoutes } from './resources/queues.ts'
import { virtualHostRoutes } from './resources/virtual-hosts.ts'
import { whoamiRoutes } from './resources/whoami.ts'
import { serveManagement, type ManagementServer, type ServeManagementOptions } from './serve-management.ts'
import { counted } from './totals.ts'

export interface ManagementOptions extends Omit<ServeManagementOptions, 'routes' | 'closed'> {
  readonly runtime: Runtime
  readonly broker: Broker
  /** Where clients come in: their connections are shown. */
  readonly servers: readonly BrokerServer[]
  /** Of the package. */
  readonly version: string
}

/**
 * Serves the part of RabbitMQ's management API that clients and tools use.
 *
 * @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE`
 */
export async function startManagement(options: ManagementOptions): Promise<ManagementServer> {
  const { runtime, broker, servers, version } = options
  const context: ManagementContext = {
    runtime,
    broker,
    servers,
    version,
    node: `waybill@${hostname()}`,
    startedAt: runtime.now(),
    rates: new Rates(runtime, () => counted(context)),
  }
  return serveManagement({ ...options, routes: routesOf(context), closed: () => context.rates.stop() })
}

function routesOf(context: ManagementContext): readonly Route[] {
  return [
    ...overviewRoutes(context),
    ...whoamiRoutes(),
    ...nodeRoutes(context),
    ...connectionRoutes(context),
    ...channelRoutes(context),
    ...consumerRoutes(context),
    ...exchangeRoutes(context),
    ...exchangePublishRoutes(context),
    ...queueRoutes(context),
    ...queueMessageRoutes(context),
    ...bindingRoutes(context),
    ...virtualHostRoutes(context),
    ...definitionRoutes(context),
    ...healthCheckRoutes(context),
    ...constantRoutes(),
  ]
}
