import type { ChannelSession } from '../../server/channel-session.ts'
import type { SocketLink } from '../../server/socket-link.ts'
import type { JsonObject } from '../../wire/json.ts'
import type { ManagementContext } from '../management-context.ts'
import { connectionName } from './connection-json.ts'
import { channelCounts, messageStats } from './message-stats.ts'

/** A channel that is open, with its connection. */
export interface ShownChannel {
  readonly link: SocketLink
  readonly channel: ChannelSession
}

export function channelName({ link, channel }: ShownChannel): string {
  return `${connectionName(link)} (${channel.number})`
}

/** @param virtualHost its name */
export function channelJson(context: ManagementContext, virtualHost: string, shown: ShownChannel): JsonObject {
  const { link, channel: session } = shown
  const { channel } = session
  const { transaction } = session.publisher
  return {
    name: channelName(shown),
    number: session.number,
    pid: channelPid(context, shown),
    node: context.node,
    user: link.session.user,
    vhost: virtualHost,
    state: 'running',
    connection_details: { name: connectionName(link), peer_host: link.peer.host, peer_port: link.peer.port },
    consumer_count: Array.from(channel.consumers).length,
    prefetch_count: session.prefetch,
    global_prefetch_count: channel.prefetch,
    messages_unacknowledged: channel.unsettled,
    messages_unconfirmed: session.publisher.unconfirmed,
    messages_uncommitted: transaction?.published ?? 0,
    acks_uncommitted: transaction?.settled ?? 0,
    confirm: session.publisher.isConfirming,
    transactional: transaction !== undefined,
    message_stats: messageStats(channel.counters, channelCounts(channel.counters), context.rates),
  }
}

/** As that of a connection, with the number of the channel. */
function channelPid({ node }: ManagementContext, { link, channel }: ShownChannel): string {
  return `<${node}.${link.local.port}.${link.id}.${channel.number}>`
}

/** The channel, as what happens on it names it. */
export function channelDetails(context: ManagementContext, shown: ShownChannel): JsonObject {
  const { link, channel } = shown
  return {
    name: channelName(shown),
    number: channel.number,
    pid: channelPid(context, shown),
    connection_name: connectionName(link),
    node: context.node,
    peer_host: link.peer.host,
    peer_port: link.peer.port,
    user: link.session.user,
  }
}
