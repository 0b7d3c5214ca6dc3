import { hostname } from 'node:os'
import type { Runtime } from '../../runtime/runtime.ts'
import { Router } from './http/router.ts'
import type { Route } from './http/route.ts'
import type { ManagedApp, ManagementContext } from './management-context.ts'
import { ManagementServer, type ManagementServerOptions } from './management-server.ts'
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
import { operatorRoutes } from './resources/operator.ts'
import { overviewRoutes } from './resources/overview.ts'
import { permissionRoutes } from './resources/permissions.ts'
import { policyRoutes } from './resources/policies.ts'
import { queueMessageRoutes } from './resources/queue-messages.ts'
import { queueRoutes } from './resources/queues.ts'
import { topicPermissionRoutes } from './resources/topic-permissions.ts'
import { userRoutes } from './resources/users.ts'
import { virtualHostRoutes } from './resources/virtual-hosts.ts'
import { whoamiRoutes } from './resources/whoami.ts'
import { counted } from './totals.ts'

export interface ManagementOptions {
  readonly runtime: Runtime
  readonly app: ManagedApp
  /** Of the package. */
  readonly version: string
  /** A fault in the program, which cost one request its answer. */
  readonly failed: (error: unknown) => void
}

export type ManagementDoor = Omit<ManagementServerOptions, 'router' | 'runtime' | 'failed'>

/** The part of RabbitMQ's management API that clients and tools use, of one broker. */
export class Management {
  readonly #options: ManagementOptions
  readonly #rates: Rates
  readonly #router: Router
  readonly #servers: ManagementServer[] = []

  constructor(options: ManagementOptions) {
    const { runtime, app, version } = options
    const context: ManagementContext = {
      runtime,
      app,
      get broker() {
        return app.broker
      },
      get servers() {
        return app.servers
      },
      version,
      node: `waybill@${hostname()}`,
      startedAt: runtime.now(),
      rates: new Rates(runtime, () => (app.isRunning ? counted(context) : [])),
    }
    this.#options = options
    this.#rates = context.rates
    this.#router = new Router(routesOf(context))
  }

  /** @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE`; what else keeps it from listening is the native error */
  async serve(door: ManagementDoor): Promise<ManagementServer> {
    const { runtime, failed } = this.#options
    const server = await ManagementServer.listen({ ...door, router: this.#router, runtime, failed })
    this.#servers.push(server)
    return server
  }

  /** Ends what is under way after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close(deadlineMs)))
    this.#rates.stop()
  }
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
    ...userRoutes(context),
    ...policyRoutes(context),
    ...permissionRoutes(context),
    ...topicPermissionRoutes(context),
    ...definitionRoutes(context),
    ...healthCheckRoutes(context),
    ...operatorRoutes(context),
    ...constantRoutes(),
  ]
}
