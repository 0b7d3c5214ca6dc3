import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'

/** What RabbitMQ has and this broker has not, and what never changes: clients ask before they go on. */
export function constantRoutes(): readonly Route[] {
  const none = [
    'parameters',
    'parameters/:component',
    'parameters/:component/:vhost',
    'global-parameters',
    'operator-policies',
    'operator-policies/:vhost',
    'vhost-limits',
    'vhost-limits/:vhost',
    'user-limits',
    'user-limits/:user',
    'feature-flags',
    'deprecated-features',
    'deprecated-features/used',
  ]
  return [
    ...none.map((path) => route('GET', `/api/${path}`, () => json([]))),
    route('GET', '/api/extensions', () => json([])),
    route('GET', '/api/auth', () => json({ oauth_enabled: false })),
  ]
}
