import type { PublishOutcome } from '../../message.ts'
import { readExpiration } from '../../queue/lifetime.ts'
import { PublishPermit } from '../../server/publish-permit.ts'
import { scanProperties } from '../../wire/publish-scan.ts'
import { badRequest, HttpError } from '../http/http-error.ts'
import type { JsonFields } from '../http/json-fields.ts'
import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { propertiesOf } from '../show/properties-json.ts'
import { enter } from '../virtual-host-access.ts'
import { exchangeName } from './exchanges.ts'

/** basic.publish for people. Says whether a queue took the message, once that is on the disk. */
export function exchangePublishRoutes(context: ManagementContext): readonly Route[] {
  return [
    route('POST', '/api/exchanges/:vhost/:name/publish', async (request) => {
      const { host, guard } = enter(context, request)
      const fields = await request.body()
      fields.require('properties', 'routing_key', 'payload', 'payload_encoding')
      const properties = propertiesOf(fields.table('properties'))
      const { persistent, expiration, userId } = scanProperties(properties)
      if (userId !== undefined && userId !== request.user.name) {
        throw badRequest(`user_id property set to '${userId}' but authenticated user was '${request.user.name}'`)
      }
      const message = {
        exchange: exchangeName(request.params.name),
        routingKey: fields.text('routing_key'),
        properties,
        body: payloadOf(fields),
        origin: undefined,
      }
      new PublishPermit(host, guard).require({ ...message, mandatory: false, immediate: false })
      if (context.broker.blocked !== undefined) throw new HttpError(503, 'blocked', context.broker.blocked.reason)
      const options = { persistent, ...(expiration === undefined ? {} : { ttlMs: readExpiration(expiration) }) }
      const outcome = await new Promise<PublishOutcome>((resolve) =>
        host.publish(message, options, { confirmed: (_, how) => resolve(how) }, 1),
      )
      return json({ routed: outcome === 'accepted' })
    }),
  ]
}

function payloadOf(fields: JsonFields): Uint8Array {
  const [payload, encoding] = [fields.text('payload'), fields.text('payload_encoding')]
  if (encoding !== 'string' && encoding !== 'base64') throw badRequest(['unsupported_encoding', encoding])
  return Buffer.from(payload, encoding === 'string' ? 'utf8' : 'base64')
}
