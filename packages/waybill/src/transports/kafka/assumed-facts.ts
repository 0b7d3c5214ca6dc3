import type { Limit, RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import { isOrdered } from './topic-names.ts'

// Defaults of a broker: log.retention.hours, group.consumer.session.timeout.ms, group.share.record.lock.duration.ms.
const RETENTION_MS = 7 * 86_400_000
const SESSION_TIMEOUT_MS = 45_000
const LOCK_MS = 30_000

/** Of a group whose topic is yet to be made, on a cluster as it comes: nobody has been asked. */
export function assumedRouteFacts(group: Group): RouteFacts {
  return {
    durability: {
      accepted: 'written',
      // When a broker syncs is its operating system's affair.
      lossWindowMs: assumed(Infinity),
      copies: assumed(1),
      source: 'assumed',
    },
    limits: {
      deliveryLimit: { value: Infinity, source: 'told' },
      settleWithinMs: assumed(Infinity),
      retentionMs: assumed(RETENTION_MS),
      retentionBytes: assumed(Infinity),
      redeliveredWithinMs: assumed(isOrdered(group) ? SESSION_TIMEOUT_MS : LOCK_MS),
    },
  }
}

function assumed(value: number): Limit {
  return { value, source: 'assumed' }
}
