import { list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { consumersOf, hostNameOf } from '../open-channels.ts'
import { consumerJson } from '../show/consumer-json.ts'
import { hostOf, virtualHostsOf } from '../virtual-host-access.ts'

/** Consumers: list. */
export function consumerRoutes(context: ManagementContext): readonly Route[] {
  const listed = (hosts: readonly string[]): Reply =>
    list(
      Array.from(consumersOf(context)).filter(({ channel }) => hosts.includes(hostNameOf(channel.link))),
      ({ consumer }) => consumer.queue.name,
      ({ channel, consumer }) => consumerJson(context, hostNameOf(channel.link), channel, consumer),
    )

  return [
    route('GET', '/api/consumers', ({ user }) => listed(virtualHostsOf(context, user).map(({ name }) => name))),
    route('GET', '/api/consumers/:vhost', (request) => listed([hostOf(context, request).name])),
  ]
}
