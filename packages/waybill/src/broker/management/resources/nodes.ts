import { availableParallelism } from 'node:os'
import { memoryUsage } from 'node:process'
import type { JsonObject } from '../../wire/json.ts'
import { noSuchObject } from '../http/http-error.ts'
import { json, list } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { linksOf } from '../open-channels.ts'
import { exchangeTypes } from './overview.ts'

/** The one node there is. */
export function nodeRoutes(context: ManagementContext): readonly Route[] {
  const options = { needs: 'monitoring' } as const
  return [
    route('GET', '/api/nodes', () => list([context.node], String, () => nodeJson(context)), options),
    route(
      'GET',
      '/api/nodes/:name',
      ({ params }) => {
        if (params.name !== context.node) throw noSuchObject()
        return json(nodeJson(context))
      },
      options,
    ),
  ]
}

function nodeJson(context: ManagementContext): JsonObject {
  const { runtime, broker, node, startedAt } = context
  const { rss } = memoryUsage()
  return {
    name: node,
    type: 'disc',
    running: true,
    os_pid: String(process.pid),
    uptime: Math.max(0, runtime.now() - startedAt),
    processors: availableParallelism(),
    mem_used: rss,
    mem_alarm: broker.alarms.some((alarm) => alarm !== 'disk'),
    disk_free_alarm: broker.alarms.includes('disk'),
    sockets_used: Array.from(linksOf(context)).length,
    rates_mode: 'basic',
    exchange_types: exchangeTypes(),
    auth_mechanisms: ['PLAIN', 'AMQPLAIN'].map((name) => ({ name, description: '', enabled: true })),
    applications: [{ name: 'waybill', description: 'Waybill', version: context.version }],
    enabled_plugins: [],
    partitions: [],
    being_drained: false,
  }
}
