import { noSuchObject } from '../http/http-error.ts'
import { json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import type { ManagementUser } from '../management-user.ts'
import { allChannels, hostNameOf } from '../open-channels.ts'
import { channelJson, channelName, type ShownChannel } from '../show/channel-json.ts'
import { consumerJson } from '../show/consumer-json.ts'
import { visibleHostOf } from '../virtual-host-access.ts'
import { isShownTo } from './connections.ts'

/** Channels: list, show. */
export function channelRoutes(context: ManagementContext): readonly Route[] {
  const shownTo = (user: ManagementUser): readonly ShownChannel[] =>
    Array.from(allChannels(context)).filter(({ link }) => isShownTo(user, link))
  const listed = (channels: readonly ShownChannel[]): Reply =>
    list(channels, channelName, (channel) => channelJson(context, hostNameOf(channel.link), channel))

  return [
    route('GET', '/api/channels', ({ user }) => listed(shownTo(user))),
    route('GET', '/api/vhosts/:vhost/channels', (request) => {
      const { name } = visibleHostOf(context, request)
      return listed(shownTo(request.user).filter(({ link }) => hostNameOf(link) === name))
    }),
    route('GET', '/api/channels/:name', ({ params, user }) => {
      const channel = shownTo(user).find((each) => channelName(each) === params.name)
      if (channel === undefined) throw noSuchObject()
      const host = hostNameOf(channel.link)
      const consumers = Array.from(channel.channel.channel.consumers, (consumer) =>
        consumerJson(context, host, channel, consumer),
      )
      return json({
        ...channelJson(context, host, channel),
        consumer_details: consumers,
        publishes: [],
        deliveries: [],
      })
    }),
  ]
}
