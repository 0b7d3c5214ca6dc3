import { MAX_DELAY_MS as EXCHANGE_MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import type { EngineFacts, Limit, RouteFacts, Support } from '../../transport/engine-facts.ts'
import type { QueueSpec } from '../amqp/engine.ts'
import { DELIVERY_LIMIT } from '../amqp/queue-declaration.ts'
import { MAX_DELAY_MS as LADDER_MAX_DELAY_MS } from './ladder-grammar.ts'
import { DEFAULT_HEARTBEAT_SECONDS } from './rabbitmq-options.ts'
import {
  hasConsumerTimeout,
  hasDelayedExchanges,
  hasQuorumQueues,
  hasSafeDeadLettering,
  isAtLeast,
  isWaybill,
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
      signals: 'native',
      ordered: 'supplied',
      delayedRetry: delays,
      delayedSend: delays,
      expiry: 'supplied',
      deliveryCount: hasQuorumQueues(version) ? 'native' : 'refused',
      startEarliest: 'refused',
      startAtTime: 'refused',
      fencing: 'supplied',
      replay: 'refused',
      liveFlow: 'supplied',
      deadLetterVisits: 'supplied',
    },
    limits: {
      maxMessageBytes: maxMessageBytes(version),
      maxDelayMs: { value: LONGEST_DELAY_MS[delays], source: 'assumed' },
    },
  }
}

export interface RouteSettings {
  /** Others have declared the queue: its settings are not known. Default false. */
  readonly isForeign?: boolean
  /** The broker's `consumer_timeout`, where somebody told it. */
  readonly consumerTimeoutMs?: number | undefined
  readonly heartbeatSeconds?: number | undefined
}

/** RabbitMQ's default consumer_timeout: a channel that holds a delivery longer is closed. AMQP does not tell it. */
const CONSUMER_TIMEOUT_MS = 30 * 60_000
/** Of a quorum queue declared without: from RabbitMQ 4.0 a message is dropped when it is returned the 21st time. */
const DEFAULT_DELIVERY_LIMIT = 21

/**
 * Of a queue with such a life. Confirms of a quorum queue come when a majority of its nodes have synced the message; AMQP
 * does not tell how many those are.
 */
export function routeFacts(version: ServerVersion, life: QueueSpec['life'], settings: RouteSettings = {}): RouteFacts {
  // Waybill's broker says that it is one, and so what it does.
  const source = isWaybill(version) ? 'read' : 'assumed'
  const { isForeign = false, consumerTimeoutMs, heartbeatSeconds = DEFAULT_HEARTBEAT_SECONDS } = settings
  return {
    durability: {
      accepted: life === 'durable' ? 'synced' : 'memory',
      lossWindowMs: { value: 0, source },
      copies: { value: 1, source },
      source,
    },
    limits: {
      deliveryLimit: isForeign ? foreignDeliveryLimit(version) : ownDeliveryLimit(version, life),
      settleWithinMs:
        consumerTimeoutMs === undefined
          ? assumed(hasConsumerTimeout(version) ? CONSUMER_TIMEOUT_MS : Infinity)
          : told(consumerTimeoutMs),
      retentionMs: assumed(Infinity),
      retentionBytes: assumed(Infinity),
      // Its end of the connection says so at once, unless the machine goes without a word. The broker looks once for each
      // heartbeat, and gives up at the second look in a row without a byte: from the last byte up to three (seen on 3.10.8).
      redeliveredWithinMs: told(heartbeatSeconds === 0 ? Infinity : 3_000 * heartbeatSeconds),
    },
  }
}

/** Quorum queues are declared with it, and classic queues have none. */
function ownDeliveryLimit(version: ServerVersion, life: QueueSpec['life']): Limit {
  return told(life === 'durable' && hasQuorumQueues(version) ? DELIVERY_LIMIT : Infinity)
}

function foreignDeliveryLimit(version: ServerVersion): Limit {
  return assumed(version.product === 'rabbitmq' && isAtLeast(version, 4, 0) ? DEFAULT_DELIVERY_LIMIT : Infinity)
}

function told(value: number): Limit {
  return { value, source: 'told' }
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
