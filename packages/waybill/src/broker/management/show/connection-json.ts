import type { SocketLink } from '../../server/socket-link.ts'
import type { JsonObject } from '../../wire/json.ts'
import { tableJson } from '../../wire/table-json.ts'
import type { ManagementContext } from '../management-context.ts'
import type { Counts } from '../rates.ts'
import { withRates } from './message-stats.ts'

/** What a connection is known by: both ends of it. */
export function connectionName({ peer, local }: SocketLink): string {
  return `${peer.host}:${peer.port} -> ${local.host}:${local.port}`
}

export function connectionCounts({ received, sent }: SocketLink): Counts {
  return { recv_oct: received, send_oct: sent }
}

/** @param virtualHost its name */
export function connectionJson(context: ManagementContext, virtualHost: string, link: SocketLink): JsonObject {
  const { session, peer, local } = link
  const { clientProperties = {}, mechanism, tune } = session.agreed ?? {}
  const { connection_name: given } = clientProperties
  return {
    name: connectionName(link),
    ...(typeof given === 'string' ? { user_provided_name: given } : {}),
    pid: pidOf(context, link),
    node: context.node,
    user: session.user,
    vhost: virtualHost,
    state: session.state,
    type: 'network',
    protocol: 'AMQP 0-9-1',
    host: local.host,
    port: local.port,
    peer_host: peer.host,
    peer_port: peer.port,
    ssl: link.isTls,
    auth_mechanism: mechanism ?? '',
    client_properties: tableJson(clientProperties),
    connected_at: link.connectedAt,
    channels: session.channels.length,
    channel_max: tune?.channelMax ?? 0,
    frame_max: tune?.frameMax ?? 0,
    timeout: tune?.heartbeat ?? 0,
    send_pend: 0,
    ...withRates(link, connectionCounts(link), context.rates),
  }
}

/** Its number in the form of an Erlang process, which scripts take from lists and give back to close it. */
export function pidOf({ node }: ManagementContext, { id, local }: SocketLink): string {
  return `<${node}.${local.port}.${id}.0>`
}
