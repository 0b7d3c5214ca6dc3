import type { Access } from '../../access/access.ts'
import type { Permissions } from '../../access/all-permissions.ts'
import { badRequest, noSuchObject } from '../http/http-error.ts'
import { CREATED, DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { permissionsJson } from '../show/permissions-json.ts'
import { stored } from '../stored.ts'

/** What users may do in virtual hosts: list, show, give, take. */
export function permissionRoutes(context: ManagementContext): readonly Route[] {
  const access = (): Access => context.broker.access
  const options = { needs: 'administrator' } as const
  const listed = (isWanted: (one: Permissions) => boolean): Reply =>
    list(access().permissions.all().filter(isWanted), ({ user }) => user, permissionsJson)

  return [
    route('GET', '/api/permissions', () => listed(() => true), options),
    route(
      'GET',
      '/api/users/:user/permissions',
      ({ params }) => {
        if (access().users.get(params.user) === undefined) throw noSuchObject()
        return listed(({ user }) => user === params.user)
      },
      options,
    ),
    route(
      'GET',
      '/api/vhosts/:vhost/permissions',
      ({ params }) => {
        if (context.broker.virtualHosts.get(params.vhost) === undefined) throw noSuchObject()
        return listed(({ virtualHost }) => virtualHost === params.vhost)
      },
      options,
    ),
    route(
      'GET',
      '/api/permissions/:vhost/:user',
      ({ params }) => {
        const found = access().permissions.get(params.vhost, params.user)
        if (found === undefined) throw noSuchObject()
        return json(permissionsJson(found))
      },
      options,
    ),
    route(
      'PUT',
      '/api/permissions/:vhost/:user',
      async (request) => {
        const { vhost: virtualHost, user } = request.params
        const fields = await request.body()
        fields.require('configure', 'write', 'read')
        const [configure, write, read] = [fields.text('configure'), fields.text('write'), fields.text('read')]
        requireBoth(context, virtualHost, user)
        const isNew = access().permissions.get(virtualHost, user) === undefined
        await stored((done) => access().permissions.set({ virtualHost, user, configure, write, read }, done))
        return isNew ? CREATED : DONE
      },
      options,
    ),
    route(
      'DELETE',
      '/api/permissions/:vhost/:user',
      async ({ params }) => {
        if (access().permissions.get(params.vhost, params.user) === undefined) throw noSuchObject()
        await stored((done) => access().permissions.delete(params.vhost, params.user, done))
        return DONE
      },
      options,
    ),
  ]
}

/** @throws {HttpError} 400 */
export function requireBoth({ broker }: ManagementContext, virtualHost: string, user: string): void {
  const areThere = broker.virtualHosts.get(virtualHost) !== undefined && broker.access.users.get(user) !== undefined
  if (!areThere) throw badRequest('vhost_or_user_not_found')
}
