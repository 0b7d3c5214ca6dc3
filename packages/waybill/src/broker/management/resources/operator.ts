// What `waybill ctl` asks for and RabbitMQ's API does not have: rabbitmqctl asks the node itself.
import { memoryUsage } from 'node:process'
import { totalmem } from 'node:os'
import type { JsonFields } from '../http/json-fields.ts'
import { badRequest } from '../http/http-error.ts'
import { DONE, json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'

/** The broker is stopped and started within its process; publishers are held back, as by a memory alarm. */
export function operatorRoutes(context: ManagementContext): readonly Route[] {
  const options = { needs: 'administrator' } as const
  return [
    route('GET', '/api/waybill/app', () => json({ running: context.app.isRunning }), options),
    route(
      'PUT',
      '/api/waybill/app',
      async (request) => {
        const fields = await request.body()
        fields.require('running')
        if (fields.flag('running', true)) await context.app.start()
        else await context.app.stop('the broker is stopped by its operator')
        return DONE
      },
      options,
    ),
    route(
      'PUT',
      '/api/waybill/memory-limit',
      async (request) => {
        context.broker.holdPublishers(memoryUsage().rss > limitOf(await request.body()))
        return DONE
      },
      options,
    ),
  ]
}

/** Bytes; asked for as such, or as a part of the machine's memory. */
function limitOf(fields: JsonFields): number {
  const { bytes, fraction } = fields.object
  if (typeof bytes === 'number' && bytes >= 0) return bytes
  if (typeof fraction === 'number' && fraction >= 0) return fraction * totalmem()
  throw badRequest('[{key_missing,bytes},{key_missing,fraction}]')
}
