import type { StreamInfo } from '@nats-io/jetstream'
import type { RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import { CORE_FACTS, storedFacts } from './facts.ts'
import { isOrdered, isStored } from './names.ts'
import { TAKE_OVER_MS } from './route-facts.ts'
import type { Settings } from './settings.ts'

/** Of a group whose stream is yet to be declared, as that will be; a server that nobody has asked. */
export function assumedRouteFacts(group: Group, { replicas, maxStreamBytes, ...settings }: Settings): RouteFacts {
  if (!isStored(group.channel)) return CORE_FACTS
  const config = {
    storage: 'file',
    num_replicas: replicas,
    max_age: 0,
    max_bytes: maxStreamBytes ?? -1,
    discard: 'new',
  }
  const stream = { config } as StreamInfo // what its facts are read from
  const againMs = isOrdered(group) ? settings.leaseMs + TAKE_OVER_MS : settings.ackWaitMs
  return storedFacts(stream, undefined, settings.syncIntervalMs, againMs)
}
