import { MAX_DELAY_MS as EXCHANGE_MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import type { EngineFacts, Limit, RouteFacts, Support } from '../../transport/engine-facts.ts'
import type { QueueSpec } from '../amqp/engine.ts'
import { DELIVERY_LIMIT } from '../amqp/queue-declaration.ts'
import { MAX_DELAY_MS as LADDER_MAX_DELAY_MS } from './ladder-grammar.ts'
import {
  hasConsumerTimeout,
  hasDelayedExchanges,
  hasQuorumQueues,
  hasSafeDeadLettering,
  isAtLeast,
  type ServerVersion,
} from './server-version.ts'

const MIB = 1_024 * 1_024

/** By its own exchange, by our ladder of queues, or not at all. */
const LONGEST_DELAY_MS: Readonly<Record<Support, number>> = {
  native: EXCHANGE_MAX_DELAY_MS,
  supplied: LADDER_MAX_DELAY_MS,
  refused: 0,
}

/** What the broker can do, by its product and version; AMQP tells no more. */
export function engineFacts(version: ServerVersion): EngineFacts {
  const delays = supportOfDelays(version)
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
      replay: 'refused',
      liveFlow: 'supplied',
    },
    limits: {
      maxMessageBytes: maxMessageBytes(version),
      maxDelayMs: { value: LONGEST_DELAY_MS[delays], source: 'assumed' },
    },
  }
}

/** RabbitMQ's default consumer_timeout: a channel that holds a delivery longer is closed. AMQP does not tell it. */
const CONSUMER_TIMEOUT_MS = 30 * 60_000

/**
 * Of a queue with such a life. Confirms of a quorum queue come when a majority of its nodes have synced the message; AMQP
 * does not tell how many those are.
 */
export function routeFacts(version: ServerVersion, life: QueueSpec['life']): RouteFacts {
  const quorum = life === 'durable' && hasQuorumQueues(version)
  return {
    durability: {
      accepted: life === 'durable' ? 'synced' : 'memory',
      lossWindowMs: assumed(0),
      copies: assumed(1),
      source: 'assumed',
    },
    limits: {
      // Quorum queues are declared with it, and classic queues have none.
      deliveryLimit: { value: quorum ? DELIVERY_LIMIT : Infinity, source: 'told' },
      settleWithinMs: assumed(hasConsumerTimeout(version) ? CONSUMER_TIMEOUT_MS : Infinity),
      retentionMs: assumed(Infinity),
      retentionBytes: assumed(Infinity),
    },
  }
}

function assumed(value: number): Limit {
  return { value, source: 'assumed' }
}

function supportOfDelays(version: ServerVersion): Support {
  if (hasDelayedExchanges(version)) return 'native'
  return hasSafeDeadLettering(version) ? 'supplied' : 'refused'
}

/** RabbitMQ's `max_message_size`: 128 MiB from 3.8, 16 MiB from 4.0; older ones take 2 GiB, which no Buffer should hold. Waybill's: 128 MiB. */
export function maxMessageBytes(version: ServerVersion): Limit {
  return { value: (isAtLeast(version, 4, 0) ? 16 : 128) * MIB, source: 'assumed' }
}
