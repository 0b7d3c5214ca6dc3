import { jsonTable } from '../../wire/table-json.ts'
import { noSuchObject } from '../http/http-error.ts'
import { DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { VirtualHost } from '../../virtual-host.ts'
import type { ManagementContext } from '../management-context.ts'
import { bindingJson, defaultBinding, shownBinding, type ShownBinding } from '../show/binding-json.ts'
import { byName } from '../show/by-name.ts'
import { hasPropertiesKey, propertiesKey } from '../show/properties-key.ts'
import { enter, hostOf, virtualHostsOf } from '../virtual-host-access.ts'
import { storedBy } from '../stored.ts'
import { exchangeName, findExchange } from './exchanges.ts'
import { findQueue } from './queues.ts'

/** What a binding leads to, in an address. */
const KINDS = { q: 'queue', e: 'exchange' } as const

interface BetweenPath {
  readonly vhost: string
  readonly source: string
  readonly destination: string
}

/** Bindings: list, show, make, remove. */
export function bindingRoutes(context: ManagementContext): readonly Route[] {
  return [
    route('GET', '/api/bindings', ({ user }) => listed(virtualHostsOf(context, user), () => true)),
    route('GET', '/api/bindings/:vhost', (request) => listed([hostOf(context, request)], () => true)),
    route('GET', '/api/queues/:vhost/:name/bindings', (request) => {
      const host = hostOf(context, request)
      const { name } = findQueue(host, request.params.name)
      return listed([host], ({ to, destination }) => to === 'queue' && destination === name)
    }),
    route('GET', '/api/exchanges/:vhost/:name/bindings/source', (request) => {
      const host = hostOf(context, request)
      const { name } = findExchange(host, request.params.name).definition
      return listed([host], ({ source }) => source === name)
    }),
    route('GET', '/api/exchanges/:vhost/:name/bindings/destination', (request) => {
      const host = hostOf(context, request)
      const { name } = findExchange(host, request.params.name).definition
      return listed([host], ({ to, destination }) => to === 'exchange' && destination === name)
    }),
    ...(['q', 'e'] as const).flatMap((kind) => between(context, kind)),
  ]
}

/** Those from an exchange to a queue (`q`) or to another exchange (`e`). */
function between(context: ManagementContext, kind: keyof typeof KINDS): readonly Route[] {
  const path = `/api/bindings/:vhost/e/:source/${kind}/:destination` as const
  const leads = (params: BetweenPath) => (binding: ShownBinding) =>
    binding.to === KINDS[kind] &&
    binding.source === exchangeName(params.source) &&
    binding.destination === exchangeName(params.destination)

  return [
    route('GET', path, (request) => listed([hostOf(context, request)], leads(request.params))),
    route('POST', path, async (request) => {
      const entered = enter(context, request)
      const { host } = entered
      const [source, destination] = [exchangeName(request.params.source), request.params.destination]
      const fields = await request.body()
      const key = fields.optionalText('routing_key') ?? ''
      const table = jsonTable(fields.table('arguments'))
      await storedBy(entered, (connection, done) =>
        kind === 'q'
          ? host.bind(connection, destination, source, key, table, done)
          : host.bindExchange(connection, destination, source, key, table, done),
      )
      return {
        kind: 'created',
        location: `${encodeURIComponent(destination)}/${encodeURIComponent(propertiesKey({ key, arguments: table }))}`,
      }
    }),
    route('GET', `${path}/:key`, (request) => {
      const host = hostOf(context, request)
      return json(bindingJson(host.name, found(host, leads(request.params), request.params.key)))
    }),
    route('DELETE', `${path}/:key`, async (request) => {
      const entered = enter(context, request)
      const { host } = entered
      const { source, destination, key, arguments: table } = found(host, leads(request.params), request.params.key)
      await storedBy(entered, (connection, done) =>
        kind === 'q'
          ? host.unbind(connection, destination, source, key, table, done)
          : host.unbindExchange(connection, destination, source, key, table, done),
      )
      return DONE
    }),
  ]
}

/** Those of the default exchange first. */
export function* bindingsOf(host: VirtualHost): Iterable<ShownBinding> {
  for (const queue of byName(host.queues.values())) yield defaultBinding(queue)
  for (const exchange of byName(host.exchanges.values())) yield* exchange.bindings.map(shownBinding)
}

function listed(hosts: readonly VirtualHost[], isWanted: (binding: ShownBinding) => boolean): Reply {
  return list(
    hosts.flatMap((host) =>
      Array.from(bindingsOf(host))
        .filter(isWanted)
        .map((binding) => ({ host, binding })),
    ),
    ({ binding }) => binding.source,
    ({ host, binding }) => bindingJson(host.name, binding),
  )
}

/** @throws {HttpError} 404 */
function found(host: VirtualHost, leads: (binding: ShownBinding) => boolean, text: string): ShownBinding {
  for (const binding of bindingsOf(host)) if (leads(binding) && hasPropertiesKey(binding, text)) return binding
  throw noSuchObject()
}
