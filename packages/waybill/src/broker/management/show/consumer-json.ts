import type { Consumer } from '../../channel/consumer.ts'
import type { JsonObject } from '../../wire/json.ts'
import { tableJson } from '../../wire/table-json.ts'
import type { ManagementContext } from '../management-context.ts'
import { channelDetails, type ShownChannel } from './channel-json.ts'

/** @param virtualHost its name */
export function consumerJson(
  context: ManagementContext,
  virtualHost: string,
  channel: ShownChannel,
  consumer: Consumer,
): JsonObject {
  const { queue, tag, noAck, isExclusive, prefetch, arguments: table } = consumer
  const isActive = queue.activeConsumer === undefined || queue.activeConsumer === consumer
  return {
    consumer_tag: tag,
    queue: { name: queue.name, vhost: virtualHost },
    channel_details: channelDetails(context, channel),
    ack_required: !noAck,
    exclusive: isExclusive,
    active: isActive,
    activity_status: isActive ? 'up' : 'waiting',
    prefetch_count: prefetch,
    arguments: tableJson(table),
  }
}
