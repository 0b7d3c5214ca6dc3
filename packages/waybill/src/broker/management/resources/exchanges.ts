import { exchangeDefinition } from '../../exchange/exchange-arguments.ts'
import { jsonTable } from '../../wire/table-json.ts'
import { noSuchObject } from '../http/http-error.ts'
import { CREATED, DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import type { ManagementContext } from '../management-context.ts'
import { byName } from '../show/by-name.ts'
import { DEFAULT_EXCHANGE, exchangeJson, shownDefault, type ShownExchange } from '../show/exchange-json.ts'
import { enter, hostOf, virtualHostsOf } from '../virtual-host-access.ts'
import { storedBy } from '../stored.ts'

/** Exchanges: list, show, declare, delete. */
export function exchangeRoutes(context: ManagementContext): readonly Route[] {
  return [
    route('GET', '/api/exchanges', ({ user }) => listExchanges(context, virtualHostsOf(context, user))),
    route('GET', '/api/exchanges/:vhost', (request) => listExchanges(context, [hostOf(context, request)])),
    route('GET', '/api/exchanges/:vhost/:name', (request) => {
      const host = hostOf(context, request)
      const exchange = findExchange(host, request.params.name)
      return json({ ...exchangeJson(context, host.name, exchange), incoming: [], outgoing: [] })
    }),
    route('PUT', '/api/exchanges/:vhost/:name', async (request) => {
      const entered = enter(context, request)
      const { host } = entered
      const name = exchangeName(request.params.name)
      const fields = await request.body()
      const flags = {
        name,
        type: fields.optionalText('type') ?? 'direct',
        durable: fields.flag('durable', false),
        autoDelete: fields.flag('auto_delete', false),
        internal: fields.flag('internal', false),
      }
      const definition = exchangeDefinition(flags, jsonTable(fields.table('arguments')), host.name)
      const isNew = !host.exchanges.has(name)
      await storedBy(entered, (connection, done) => host.declareExchange(definition, connection, done))
      return isNew ? CREATED : DONE
    }),
    route('DELETE', '/api/exchanges/:vhost/:name', async (request) => {
      const entered = enter(context, request)
      const { host } = entered
      const { name } = findExchange(host, request.params.name).definition
      const ifUnused = request.query.get('if-unused') === 'true'
      await storedBy(entered, (connection, done) => host.deleteExchange(name, connection, ifUnused, done))
      return DONE
    }),
  ]
}

/** The name that an address means. */
export function exchangeName(inAddress: string): string {
  return inAddress === DEFAULT_EXCHANGE ? '' : inAddress
}

/** @throws {HttpError} 404 */
export function findExchange(host: VirtualHost, inAddress: string): ShownExchange {
  const name = exchangeName(inAddress)
  const found = name === '' ? shownDefault(host.defaultExchange) : host.exchanges.get(name)
  if (found === undefined) throw noSuchObject()
  return found
}

function listExchanges(context: ManagementContext, hosts: readonly VirtualHost[]): Reply {
  return list(
    hosts.flatMap((host) =>
      [shownDefault(host.defaultExchange), ...byName(host.exchanges.values())].map((exchange) => ({
        host,
        exchange,
      })),
    ),
    ({ exchange }) => exchange.definition.name,
    ({ host, exchange }) => exchangeJson(context, host.name, exchange),
  )
}
