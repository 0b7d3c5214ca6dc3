import type { RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { routeFactsIn, type ServerSettings } from './facts.ts'

/** Asked on the connection that stores messages: a user or a database may have settings of its own. */
export async function routeFactsOf({ wire, sql, settings }: Context, group: Group): Promise<RouteFacts> {
  const [server] = await wire().publish.run<ServerSettings>(sql.durability, [])
  return routeFactsIn(group, server, settings.leaseMs)
}
