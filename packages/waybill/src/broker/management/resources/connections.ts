import type { SocketLink } from '../../server/socket-link.ts'
import { noSuchObject, notAuthorised } from '../http/http-error.ts'
import { DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type ManagementRequest, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import type { ManagementUser } from '../management-user.ts'
import { channelsOf, hostNameOf, linksOf } from '../open-channels.ts'
import { channelJson, channelName } from '../show/channel-json.ts'
import { connectionJson, connectionName, pidOf } from '../show/connection-json.ts'
import { visibleHostOf } from '../virtual-host-access.ts'

/** Connections: list, show, close; and the channels of one. */
export function connectionRoutes(context: ManagementContext): readonly Route[] {
  const listed = (user: ManagementUser, isWanted: (link: SocketLink) => boolean): Reply =>
    list(
      Array.from(linksOf(context)).filter((link) => isShownTo(user, link) && isWanted(link)),
      connectionName,
      (link) => connectionJson(context, hostNameOf(link), link),
    )
  const found = ({ params, user }: ManagementRequest<{ readonly name: string }>): SocketLink => {
    for (const link of linksOf(context)) {
      if (connectionName(link) !== params.name && pidOf(context, link) !== params.name) continue
      if (isShownTo(user, link)) return link
      throw notAuthorised('User not authorised to access object')
    }
    throw noSuchObject()
  }

  return [
    route('GET', '/api/connections', ({ user }) => listed(user, () => true)),
    route('GET', '/api/vhosts/:vhost/connections', (request) => {
      const host = visibleHostOf(context, request)
      return listed(request.user, (link) => hostNameOf(link) === host.name)
    }),
    route('GET', '/api/connections/username/:user', ({ params, user }) =>
      listed(user, (link) => link.session.user === params.user),
    ),
    route('DELETE', '/api/connections/username/:user', (request) => {
      const reason = reasonOf(request)
      for (const link of linksOf(context))
        if (link.session.user === request.params.user && isShownTo(request.user, link)) link.close(reason)
      return DONE
    }),
    route('GET', '/api/connections/:name', (request) => {
      const link = found(request)
      return json(connectionJson(context, hostNameOf(link), link))
    }),
    route('DELETE', '/api/connections/:name', (request) => {
      found(request).close(reasonOf(request))
      return DONE
    }),
    route('GET', '/api/connections/:name/channels', (request) =>
      list(channelsOf(found(request)), channelName, (channel) =>
        channelJson(context, hostNameOf(channel.link), channel),
      ),
    ),
  ]
}

/** Who does not monitor sees what is their own. */
export function isShownTo(user: ManagementUser, { session }: SocketLink): boolean {
  return user.may('monitoring') || session.user === user.name
}

function reasonOf(request: ManagementRequest): string {
  return request.header('x-reason') ?? 'Closed via management plugin'
}
