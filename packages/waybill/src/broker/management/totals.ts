import { MessageCounters } from '../message-counters.ts'
import type { ManagementContext } from './management-context.ts'
import { allChannels, linksOf } from './open-channels.ts'
import type { Counted, Counts } from './rates.ts'
import { channelCounts, exchangeCounts, queueCounts } from './show/message-stats.ts'
import { connectionCounts } from './show/connection-json.ts'
import { queueGauges } from './show/queue-json.ts'
import type { VirtualHost } from '../virtual-host.ts'

/** What went through the channels of clients, those that are gone too, by virtual host. */
export function hostCounters(context: ManagementContext): ReadonlyMap<VirtualHost, MessageCounters> {
  const byHost = new Map<VirtualHost, MessageCounters>()
  for (const host of context.broker.virtualHosts.all()) {
    const total = new MessageCounters()
    total.add(host.closedChannels)
    byHost.set(host, total)
  }
  for (const { link, channel } of allChannels(context)) {
    if (link.session.entered !== undefined) byHost.get(link.session.entered)?.add(channel.channel.counters)
  }
  return byHost
}

export function totalCounters(context: ManagementContext): MessageCounters {
  const total = new MessageCounters()
  for (const counters of hostCounters(context).values()) total.add(counters)
  return total
}

/** What the queues hold altogether. */
export function totalGauges(hosts: readonly VirtualHost[]): Counts {
  let [ready, unsettled] = [0, 0]
  for (const host of hosts) {
    for (const queue of host.queues.values()) {
      ready += queue.ready
      unsettled += queue.unsettled
    }
  }
  return { messages: ready + unsettled, messages_ready: ready, messages_unacknowledged: unsettled }
}

/** All that grows or shrinks, to be sampled. */
export function* counted(context: ManagementContext): Iterable<Counted> {
  const hosts = Array.from(context.broker.virtualHosts.all())
  yield { of: context.broker, counts: channelCounts(totalCounters(context)) }
  yield { of: context.servers, counts: totalGauges(hosts) }
  for (const host of hosts) {
    yield { of: host, counts: totalGauges([host]) }
    for (const queue of host.queues.values()) {
      yield { of: queue, counts: queueGauges(queue) }
      yield { of: queue.counters, counts: queueCounts(queue.counters) }
    }
    yield { of: host.defaultExchange, counts: exchangeCounts(host.defaultExchange) }
    for (const { counters } of host.exchanges.values()) yield { of: counters, counts: exchangeCounts(counters) }
  }
  for (const [{ closedChannels }, counters] of hostCounters(context)) {
    yield { of: closedChannels, counts: channelCounts(counters) }
  }
  for (const link of linksOf(context)) yield { of: link, counts: connectionCounts(link) }
  for (const { channel } of allChannels(context)) {
    yield { of: channel.channel.counters, counts: channelCounts(channel.channel.counters) }
  }
}
