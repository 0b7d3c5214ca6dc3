import type { VirtualHost } from '../virtual-host.ts'
import { noSuchObject } from './http/http-error.ts'
import type { ManagementRequest } from './http/route.ts'
import type { ManagementContext } from './management-context.ts'
import type { ManagementUser } from './management-user.ts'

/** Those that the user may look into. */
export function virtualHostsOf({ broker }: ManagementContext, _user: ManagementUser): readonly VirtualHost[] {
  return Array.from(broker.virtualHosts.all())
}

/**
 * The virtual host in the address of a request.
 *
 * @throws {HttpError} 404 when there is none, 401 when the user has nothing to do with it
 */
export function hostOf(
  { broker }: ManagementContext,
  { params }: ManagementRequest<{ readonly vhost: string }>,
): VirtualHost {
  const found = broker.virtualHosts.get(params.vhost)
  if (found === undefined) throw noSuchObject()
  return found
}
