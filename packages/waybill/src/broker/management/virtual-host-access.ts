import type { Guard } from '../access/guard.ts'
import type { VirtualHost } from '../virtual-host.ts'
import { noSuchObject, notAuthorised } from './http/http-error.ts'
import type { ManagementRequest } from './http/route.ts'
import type { ManagementContext } from './management-context.ts'
import type { ManagementUser } from './management-user.ts'

/** A virtual host, and what the one who asks may do there. */
export interface Entered {
  readonly host: VirtualHost
  readonly guard: Guard
}

/** Those whose queues and exchanges the user may see. */
export function virtualHostsOf({ broker }: ManagementContext, user: ManagementUser): readonly VirtualHost[] {
  return Array.from(broker.virtualHosts.all()).filter(({ name }) => user.guard(name) !== undefined)
}

/** Those that the user may know of: for who monitors, all. */
export function visibleVirtualHosts(context: ManagementContext, user: ManagementUser): readonly VirtualHost[] {
  return user.may('monitoring') ? Array.from(context.broker.virtualHosts.all()) : virtualHostsOf(context, user)
}

/**
 * The virtual host in the address of a request.
 *
 * @throws {HttpError} 404 when there is none, 401 when the user has no access to it
 */
export function enter(
  { broker }: ManagementContext,
  { params, user }: ManagementRequest<{ readonly vhost: string }>,
): Entered {
  const host = broker.virtualHosts.get(params.vhost)
  if (host === undefined) throw noSuchObject()
  const guard = user.guard(host.name)
  if (guard === undefined) throw notAuthorised('User not authorised to access virtual host')
  return { host, guard }
}

/** The same for who may know of it: who monitors needs no access. */
export function visibleHostOf(
  context: ManagementContext,
  request: ManagementRequest<{ readonly vhost: string }>,
): VirtualHost {
  const host = context.broker.virtualHosts.get(request.params.vhost)
  return host !== undefined && request.user.may('monitoring') ? host : hostOf(context, request)
}

/** The same where it is only looked at. */
export function hostOf(
  context: ManagementContext,
  request: ManagementRequest<{ readonly vhost: string }>,
): VirtualHost {
  return enter(context, request).host
}
