import { exportDefinitions, exportVirtualHost } from '../definitions/export-definitions.ts'
import { importDefinitions, importIntoVirtualHost } from '../definitions/import-definitions.ts'
import { DONE, json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { visibleHostOf } from '../virtual-host-access.ts'

/** A large installation has tens of thousands of queues. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/** Everything that is declared: export, import. */
export function definitionRoutes(context: ManagementContext): readonly Route[] {
  const options = { needs: 'administrator', maxBodyBytes: MAX_BODY_BYTES } as const

  return [
    route('GET', '/api/definitions', () => json(exportDefinitions(context.broker)), options),
    route(
      'GET',
      '/api/definitions/:vhost',
      (request) => json(exportVirtualHost(visibleHostOf(context, request))),
      options,
    ),
    route(
      'POST',
      '/api/definitions',
      async (request) => {
        await importDefinitions(context.broker, context.runtime, await request.body(), request.user.name)
        return DONE
      },
      options,
    ),
    route(
      'POST',
      '/api/definitions/:vhost',
      async (request) => {
        const { name } = visibleHostOf(context, request)
        await importIntoVirtualHost(context.broker, context.runtime, await request.body(), name)
        return DONE
      },
      options,
    ),
  ]
}
