import type { EngineFacts, Limit } from '../../transport/engine-facts.ts'
import { MAX_DELAY_MS } from './ladder-grammar.ts'
import { DELIVERY_LIMIT } from './queue-arguments.ts'
import { hasQuorumQueues, hasSafeDeadLettering, isAtLeast, type ServerVersion } from './server-version.ts'

const MIB = 1_024 * 1_024

/** What the broker can do, by its product and version; AMQP tells no more. */
export function engineFacts(version: ServerVersion): EngineFacts {
  const delays = hasSafeDeadLettering(version) ? 'supplied' : 'refused'
  return {
    engine: version.product,
    version: version.text,
    capabilities: {
      confirms: 'native',
      unroutable: 'native',
      durableGroups: 'native',
      transientSubscriptions: 'native',
      ordered: 'supplied',
      delayedRetry: delays,
      delayedSend: delays,
      expiry: 'supplied',
      deliveryCount: hasQuorumQueues(version) ? 'native' : 'refused',
      startEarliest: 'refused',
      startAtTime: 'refused',
      fencing: 'refused',
      liveFlow: 'supplied',
    },
    limits: {
      maxMessageBytes: maxMessageBytes(version),
      maxDelayMs: { value: delays === 'refused' ? 0 : MAX_DELAY_MS, source: 'assumed' },
      // Quorum queues are declared with it, and classic queues have none.
      deliveryLimit: { value: hasQuorumQueues(version) ? DELIVERY_LIMIT : Infinity, source: 'told' },
    },
  }
}

/** `max_message_size`: 128 MiB from 3.8, 16 MiB from 4.0; older ones take 2 GiB, which no Buffer should hold. */
export function maxMessageBytes(version: ServerVersion): Limit {
  return { value: (isAtLeast(version, 4, 0) ? 16 : 128) * MIB, source: 'assumed' }
}
