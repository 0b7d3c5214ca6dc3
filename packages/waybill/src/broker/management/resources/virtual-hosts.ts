import type { MessageCounters } from '../../message-counters.ts'
import type { HostSettings } from '../../stored-hosts.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import type { VirtualHosts } from '../../virtual-hosts.ts'
import type { JsonObject } from '../../wire/json.ts'
import { badRequest, noSuchObject } from '../http/http-error.ts'
import type { JsonFields } from '../http/json-fields.ts'
import { CREATED, DONE, json, list } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { makeVirtualHost } from '../make-virtual-host.ts'
import { byName } from '../show/by-name.ts'
import { channelCounts, messageStats, withRates } from '../show/message-stats.ts'
import { hostCounters, totalGauges } from '../totals.ts'
import { visibleHostOf, visibleVirtualHosts } from '../virtual-host-access.ts'
import { stored } from '../stored.ts'

/** Virtual hosts: list, show, make, delete with everything in them. */
export function virtualHostRoutes(context: ManagementContext): readonly Route[] {
  const virtualHosts = (): VirtualHosts => context.broker.virtualHosts
  const administrator = { needs: 'administrator' } as const

  return [
    route('GET', '/api/vhosts', ({ user }) => {
      const counters = hostCounters(context)
      return list(
        byName(visibleVirtualHosts(context, user)),
        ({ name }) => name,
        (host) => hostJson(context, host, counters.get(host)),
      )
    }),
    route('GET', '/api/vhosts/:vhost', (request) => {
      const host = visibleHostOf(context, request)
      return json(hostJson(context, host, hostCounters(context).get(host)))
    }),
    route(
      'PUT',
      '/api/vhosts/:vhost',
      async (request) => {
        const { vhost } = request.params
        const fields = await request.body()
        requireKnown(fields)
        const settings = settingsOf(fields)
        const isNew = virtualHosts().get(vhost) === undefined
        await makeVirtualHost(context.broker, vhost, settings, request.user.name)
        return isNew ? CREATED : DONE
      },
      administrator,
    ),
    route(
      'DELETE',
      '/api/vhosts/:vhost',
      async ({ params }) => {
        if (virtualHosts().get(params.vhost) === undefined) throw noSuchObject()
        await stored((done) => virtualHosts().delete(params.vhost, done))
        return DONE
      },
      administrator,
    ),
  ]
}

function hostJson(
  context: ManagementContext,
  host: VirtualHost,
  counters: MessageCounters = host.closedChannels,
): JsonObject {
  const { description = '', tags = [] } = host.settings
  return {
    name: host.name,
    description,
    tags,
    metadata: { description, tags },
    default_queue_type: 'classic',
    tracing: false,
    cluster_state: { [context.node]: 'running' },
    ...withRates(host, totalGauges([host]), context.rates),
    message_stats: messageStats(host.closedChannels, channelCounts(counters), context.rates),
  }
}

/** @throws {HttpError} 400 for what RabbitMQ has, and would be missed here */
function requireKnown(fields: JsonFields): void {
  if (fields.flag('tracing', false)) throw badRequest('there is no tracing here')
  const type = fields.optionalText('default_queue_type') ?? 'classic'
  if (type !== 'classic' && type !== 'undefined') throw badRequest('queues that name no type are classic queues here')
}

/** Tags come as a list, or as a text with commas. */
export function settingsOf(fields: JsonFields): HostSettings {
  const [description, tags] = [fields.optionalText('description'), fields.tags('tags')]
  return { ...(description === undefined ? {} : { description }), ...(tags.length === 0 ? {} : { tags }) }
}
