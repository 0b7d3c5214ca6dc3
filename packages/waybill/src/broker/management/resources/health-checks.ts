import type { Json } from '../../wire/json.ts'
import { badRequest } from '../http/http-error.ts'
import { json, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { hostOf } from '../virtual-host-access.ts'

/** Whether all is well (RabbitMQ, Monitoring, "Health Checks"): 200, or 503 with the reason. */
export function healthCheckRoutes(context: ManagementContext): readonly Route[] {
  const ports = (): readonly number[] => context.servers.map(({ port }) => port)
  const alarms = (): Reply => {
    const { alarms: raised } = context.broker
    return check(raised.length === 0, {
      reason: 'There are alarms in effect in the cluster',
      alarms: raised.map((resource) => ({ node: context.node, resource })),
    })
  }
  const always = (): Reply => json({ status: 'ok' })

  return [
    route('GET', '/api/aliveness-test/:vhost', (request) => {
      hostOf(context, request)
      return alarms()
    }),
    route('GET', '/api/healthchecks/node', alarms),
    route('GET', '/api/health/checks/alarms', alarms),
    route('GET', '/api/health/checks/local-alarms', alarms),
    route('GET', '/api/health/checks/virtual-hosts', always),
    route('GET', '/api/health/checks/node-is-mirror-sync-critical', always),
    route('GET', '/api/health/checks/node-is-quorum-critical', always),
    route('GET', '/api/health/checks/certificate-expiration/:within/:unit', always),
    route('GET', '/api/health/checks/ready-to-serve-clients', () =>
      check(context.servers.length > 0, { reason: 'No active listener' }),
    ),
    route('GET', '/api/health/checks/port-listener/:port', ({ params }) => {
      if (!/^\d{1,5}$/.test(params.port)) throw badRequest('Invalid port')
      const port = Number(params.port)
      return check(ports().includes(port), { reason: 'No active listener', missing: port, ports: ports() }, { port })
    }),
    route('GET', '/api/health/checks/protocol-listener/:protocol', ({ params: { protocol } }) => {
      const protocols = context.servers.map(({ isTls }) => (isTls ? 'amqp/ssl' : 'amqp'))
      const isThere = protocols.some((each) => each === protocol || each.replace('/ssl', 's') === protocol)
      return check(isThere, { reason: 'No active listener', missing: protocol, protocols }, { protocol })
    }),
  ]
}

function check(
  isWell: boolean,
  failure: Readonly<Record<string, Json>>,
  success: Readonly<Record<string, Json>> = {},
): Reply {
  return isWell ? json({ status: 'ok', ...success }) : json({ status: 'failed', ...failure }, 503)
}
