import { isWaybillError } from '../../message/errors.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { BusParts } from './bus-parts.ts'
import { transportChanged } from '../observation/diagnostics.ts'

/** Tells the parts of a bus, its observers and its log what the transport reports by itself. */
export function onTransportEvent(parts: BusParts, event: TransportEvent): void {
  const { transport, settings, sends, returnAddress, subscriptions, readings } = parts
  const { logger } = settings
  if (transportChanged.hasSubscribers) transportChanged.publish({ transport: transport.name, event })
  returnAddress.onEvent(event)
  for (const reading of readings) reading.onEvent(event)
  switch (event.type) {
    case 'disconnected':
      sends.pause()
      logger.warn(
        { transport: transport.name, error: event.error.message },
        'the link to the broker is down; it is being taken up again',
      )
      break
    case 'trouble':
      // Who was turned away will be so until somebody sees to it; who is away may be back by itself.
      logger[isWaybillError(event.error, 'WAYBILL_ACCESS_REFUSED') ? 'error' : 'warn'](
        { transport: transport.name, error: event.error.message },
        'the link to the broker cannot be taken up yet; it is being tried again',
      )
      break
    case 'connected':
      sends.resume()
      logger.info({ transport: transport.name }, 'the link to the broker is up')
      break
    case 'unblocked':
      sends.blocked = undefined
      logger.info({ transport: transport.name }, 'the broker takes messages again')
      break
    case 'blocked':
      sends.blocked = event.reason
      logger.warn({ transport: transport.name, reason: event.reason }, 'the broker holds publishers back; sends wait')
      break
    case 'error':
      logger.error({ transport: transport.name, error: event.error.message }, 'the transport reports an error')
      break
    case 'gap':
      // Replies have a log of their own: the requests that end.
      for (const { service } of subscriptions.filter(
        ({ channel, group }) => channel === event.channel && group === event.group,
      ))
        // prettier-ignore
        logger.warn({ service, channel: event.channel }, 'messages may have been missed: nothing is kept for this instance')
      break
    case 'subscription-lost':
      // Of all others the lost link has told.
      if (!sends.isPaused)
        logger.warn(
          { channel: event.channel, group: event.group, error: event.error.message },
          'a subscription is lost while the link is up; it is being taken up again',
        )
      for (const subscription of subscriptions) subscription.onEvent(event)
      break
    case 'subscription-restored':
    case 'shard-revoked':
      for (const subscription of subscriptions) subscription.onEvent(event)
      break
    default:
      break
  }
}
