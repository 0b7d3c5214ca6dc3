import type { Queue } from '../../queue/queue.ts'
import { queueDefinition } from '../../queue/queue-arguments.ts'
import { jsonTable } from '../../wire/table-json.ts'
import { storedBy } from '../stored.ts'
import { noSuchObject } from '../http/http-error.ts'
import { CREATED, DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import type { ManagementContext } from '../management-context.ts'
import { consumersOf } from '../open-channels.ts'
import { consumerJson } from '../show/consumer-json.ts'
import { queueJson } from '../show/queue-json.ts'
import { byName } from '../show/by-name.ts'
import { enter, hostOf, virtualHostsOf } from '../virtual-host-access.ts'

/** Queues: list, show, declare, delete, purge. */
export function queueRoutes(context: ManagementContext): readonly Route[] {
  return [
    route('GET', '/api/queues', ({ user }) => listQueues(context, virtualHostsOf(context, user))),
    route('GET', '/api/queues/:vhost', (request) => listQueues(context, [hostOf(context, request)])),
    route('GET', '/api/queues/:vhost/:name', (request) => {
      const host = hostOf(context, request)
      const queue = findQueue(host, request.params.name)
      const consumers = Array.from(consumersOf(context, queue), ({ channel, consumer }) =>
        consumerJson(context, host.name, channel, consumer),
      )
      return json({
        ...queueJson(context, host.name, queue),
        consumer_details: consumers,
        deliveries: [],
        incoming: [],
      })
    }),
    route('PUT', '/api/queues/:vhost/:name', async (request) => {
      const entered = enter(context, request)
      const { host } = entered
      const { name } = request.params
      const fields = await request.body()
      const flags = { name, durable: fields.flag('durable', false), autoDelete: fields.flag('auto_delete', false) }
      const definition = queueDefinition(
        { ...flags, exclusive: false },
        jsonTable(fields.table('arguments')),
        host.name,
      )
      const isNew = host.findQueue(name) === undefined
      await storedBy(entered, (connection, done) => host.declareQueue(definition, connection, done))
      return isNew ? CREATED : DONE
    }),
    route('DELETE', '/api/queues/:vhost/:name', async (request) => {
      const entered = enter(context, request)
      const { host } = entered
      const { name } = findQueue(host, request.params.name)
      const [ifUnused, ifEmpty] = [request.query.get('if-unused') === 'true', request.query.get('if-empty') === 'true']
      await storedBy(entered, (connection, done) => host.deleteQueue(name, connection, { ifUnused, ifEmpty }, done))
      return DONE
    }),
    route('DELETE', '/api/queues/:vhost/:name/contents', (request) => {
      const { host, guard } = enter(context, request)
      const { name } = findQueue(host, request.params.name)
      const connection = host.connect(guard)
      try {
        connection.readable(name).purge()
        return DONE
      } finally {
        connection.close()
      }
    }),
  ]
}

/** @throws {HttpError} 404 */
export function findQueue(host: VirtualHost, name: string): Queue {
  const queue = host.findQueue(name)
  if (queue === undefined) throw noSuchObject()
  return queue
}

function listQueues(context: ManagementContext, hosts: readonly VirtualHost[]): Reply {
  return list(
    hosts.flatMap((host) => byName(host.queues.values()).map((queue) => ({ host, queue }))),
    ({ queue }) => queue.name,
    ({ host, queue }) => queueJson(context, host.name, queue),
  )
}
