import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { JsonObject } from '../../wire/json.ts'
import { BEHAVES_LIKE } from '../../server/server-properties.ts'
import { ROUTING_TYPES } from '../../exchange/matcher.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import type { ManagementContext } from '../management-context.ts'
import { allChannels, consumersOf, linksOf } from '../open-channels.ts'
import { channelCounts, messageStats, withRates } from '../show/message-stats.ts'
import { totalCounters, totalGauges } from '../totals.ts'
import { visibleVirtualHosts } from '../virtual-host-access.ts'

/** What the broker is, and what it holds and does altogether. */
export function overviewRoutes(context: ManagementContext): readonly Route[] {
  return [
    route('GET', '/api/overview', ({ user }) => {
      const hosts = visibleVirtualHosts(context, user)
      return json({
        ...identity(context),
        exchange_types: exchangeTypes(),
        rates_mode: 'basic',
        statistics_db_event_queue: 0,
        disable_stats: false,
        enable_queue_totals: false,
        message_stats: messageStats(context.broker, channelCounts(totalCounters(context)), context.rates) ?? {},
        queue_totals: withRates(context.servers, totalGauges(hosts), context.rates),
        object_totals: objectTotals(context, hosts),
        listeners: user.may('monitoring') ? listenersJson(context) : [],
        contexts: [],
      })
    }),
    route('GET', '/api/cluster-name', () => json({ name: context.node })),
  ]
}

/** Which broker it is; which RabbitMQ it behaves like is what clients ask the version for. */
export function identity({ node, version }: ManagementContext): JsonObject {
  return {
    node,
    cluster_name: node,
    product_name: 'Waybill',
    product_version: version,
    rabbitmq_version: BEHAVES_LIKE,
    management_version: BEHAVES_LIKE,
    erlang_version: '',
    erlang_full_version: `Node.js ${process.version}`,
  }
}

export function exchangeTypes(): readonly JsonObject[] {
  return [...ROUTING_TYPES, 'x-delayed-message'].map((name) => ({ name, description: '', enabled: true }))
}

/** Where clients come in. */
export function listenersJson({ servers, node }: ManagementContext): readonly JsonObject[] {
  return servers.map(({ host, port, isTls }) => ({
    node,
    protocol: isTls ? 'amqp/ssl' : 'amqp',
    ip_address: host,
    port,
    socket_opts: {},
  }))
}

function objectTotals(context: ManagementContext, hosts: readonly VirtualHost[]): JsonObject {
  const sum = (count: (host: VirtualHost) => number): number => hosts.reduce((all, host) => all + count(host), 0)
  return {
    channels: countOf(allChannels(context)),
    connections: countOf(linksOf(context)),
    consumers: countOf(consumersOf(context)),
    // And the default one.
    exchanges: sum((host) => host.exchanges.size + 1),
    queues: sum((host) => host.queues.size),
  }
}

function countOf(items: Iterable<unknown>): number {
  let count = 0
  for (const _ of items) count++
  return count
}
