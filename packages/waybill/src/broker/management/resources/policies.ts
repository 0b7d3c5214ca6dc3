import { noSuchObject } from '../http/http-error.ts'
import { CREATED, DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import { readPolicy } from '../definitions/definition-readers.ts'
import type { ManagementContext } from '../management-context.ts'
import { policyDefinitionJson } from '../show/policy-json.ts'
import { stored } from '../stored.ts'
import { hostOf, virtualHostsOf } from '../virtual-host-access.ts'
import type { VirtualHost } from '../../virtual-host.ts'

/** Policies: list, show, make, delete. */
export function policyRoutes(context: ManagementContext): readonly Route[] {
  const options = { needs: 'policymaker' } as const

  return [
    route('GET', '/api/policies', ({ user }) => listed(virtualHostsOf(context, user))),
    route('GET', '/api/policies/:vhost', (request) => listed([hostOf(context, request)])),
    route('GET', '/api/policies/:vhost/:name', (request) => {
      const host = hostOf(context, request)
      const policy = host.policies.get(request.params.name)
      if (policy === undefined) throw noSuchObject()
      return json({ ...policyDefinitionJson(policy), vhost: host.name })
    }),
    route(
      'PUT',
      '/api/policies/:vhost/:name',
      async (request) => {
        const { policies } = hostOf(context, request)
        const { name } = request.params
        const policy = readPolicy(name, await request.body())
        const isNew = policies.get(name) === undefined
        await stored((done) => policies.set(policy, done))
        return isNew ? CREATED : DONE
      },
      options,
    ),
    route(
      'DELETE',
      '/api/policies/:vhost/:name',
      async (request) => {
        const { policies } = hostOf(context, request)
        if (policies.get(request.params.name) === undefined) throw noSuchObject()
        await stored((done) => policies.delete(request.params.name, done))
        return DONE
      },
      options,
    ),
  ]
}

function listed(hosts: readonly VirtualHost[]): Reply {
  return list(
    hosts.flatMap((host) => host.policies.all().map((policy) => ({ host, policy }))),
    ({ policy }) => policy.name,
    ({ host, policy }) => ({ ...policyDefinitionJson(policy), vhost: host.name }),
  )
}
