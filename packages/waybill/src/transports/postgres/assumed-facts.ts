import type { RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import { routeFactsIn } from './facts.ts'
import type { Settings } from './settings.ts'

/** Of a server that nobody has asked. */
export function assumedRouteFacts(group: Group, { leaseMs }: Settings): RouteFacts {
  return routeFactsIn(group, undefined, leaseMs)
}
