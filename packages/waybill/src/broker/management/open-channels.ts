import type { Consumer } from '../channel/consumer.ts'
import type { Queue } from '../queue/queue.ts'
import type { SocketLink } from '../server/socket-link.ts'
import type { ManagementContext } from './management-context.ts'
import type { ShownChannel } from './show/channel-json.ts'

/** All connections, of all listeners; who has not come in yet is nobody. */
export function* linksOf({ servers }: ManagementContext): Iterable<SocketLink> {
  for (const server of servers) {
    for (const link of server.links) if (link.session.entered !== undefined) yield link
  }
}

/** The virtual host that a connection has opened. */
export function hostNameOf({ session }: SocketLink): string {
  return session.entered?.name ?? ''
}

export function* channelsOf(link: SocketLink): Iterable<ShownChannel> {
  for (const channel of link.session.channels) yield { link, channel }
}

export function* allChannels(context: ManagementContext): Iterable<ShownChannel> {
  for (const link of linksOf(context)) yield* channelsOf(link)
}

/** Of one queue, or of all. */
export function* consumersOf(
  context: ManagementContext,
  queue?: Queue,
): Iterable<{ readonly channel: ShownChannel; readonly consumer: Consumer }> {
  if (queue?.consumers === 0) return
  for (const channel of allChannels(context)) {
    for (const consumer of channel.channel.channel.consumers) {
      if (queue === undefined || consumer.queue === queue) yield { channel, consumer }
    }
  }
}
