import type { Access } from '../../access/access.ts'
import type { TopicPermissions } from '../../access/all-permissions.ts'
import { noSuchObject } from '../http/http-error.ts'
import { CREATED, DONE, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { topicPermissionsJson } from '../show/permissions-json.ts'
import { stored } from '../stored.ts'
import { requireBoth } from './permissions.ts'

/** Which routing keys users may write and read: list, give, take. */
export function topicPermissionRoutes(context: ManagementContext): readonly Route[] {
  const access = (): Access => context.broker.access
  const options = { needs: 'administrator' } as const
  const chosen = (isWanted: (one: TopicPermissions) => boolean): readonly TopicPermissions[] =>
    access().permissions.allTopics().filter(isWanted)
  const listed = (which: readonly TopicPermissions[]): Reply => list(which, ({ user }) => user, topicPermissionsJson)

  const taken = async (
    { vhost, user }: { readonly vhost: string; readonly user: string },
    exchange: string | undefined,
  ): Promise<Reply> => {
    let isTaken = false
    await stored((done) => (isTaken = access().permissions.deleteTopics(vhost, user, exchange, done)))
    if (!isTaken) throw noSuchObject()
    return DONE
  }

  return [
    route('GET', '/api/topic-permissions', () => listed(access().permissions.allTopics()), options),
    route(
      'GET',
      '/api/users/:user/topic-permissions',
      ({ params }) => {
        if (access().users.get(params.user) === undefined) throw noSuchObject()
        return listed(chosen(({ user }) => user === params.user))
      },
      options,
    ),
    route(
      'GET',
      '/api/vhosts/:vhost/topic-permissions',
      ({ params }) => {
        if (context.broker.virtualHosts.get(params.vhost) === undefined) throw noSuchObject()
        return listed(chosen(({ virtualHost }) => virtualHost === params.vhost))
      },
      options,
    ),
    route(
      'GET',
      '/api/topic-permissions/:vhost/:user',
      ({ params }) => {
        const found = chosen(({ virtualHost, user }) => virtualHost === params.vhost && user === params.user)
        if (found.length === 0) throw noSuchObject()
        return listed(found)
      },
      options,
    ),
    route(
      'PUT',
      '/api/topic-permissions/:vhost/:user',
      async (request) => {
        const { vhost: virtualHost, user } = request.params
        const fields = await request.body()
        fields.require('exchange', 'write', 'read')
        const [exchange, write, read] = [fields.text('exchange'), fields.text('write'), fields.text('read')]
        requireBoth(context, virtualHost, user)
        const isNew = access().permissions.topics(virtualHost, user, exchange) === undefined
        await stored((done) => access().permissions.setTopics({ virtualHost, user, exchange, write, read }, done))
        return isNew ? CREATED : DONE
      },
      options,
    ),
    route('DELETE', '/api/topic-permissions/:vhost/:user', ({ params }) => taken(params, undefined), options),
    route(
      'DELETE',
      '/api/topic-permissions/:vhost/:user/:exchange',
      ({ params }) => taken(params, params.exchange),
      options,
    ),
  ]
}
