import { MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import { PACKAGE_VERSION } from '../../message/package-version.ts'
import type { EngineFacts, Limit, RouteFacts } from '../../transport/engine-facts.ts'

/** Largest body: that of an AMQP client with RabbitMQ's default. */
export const MAX_MESSAGE_BYTES: number = 128 * 1024 * 1024

export const FACTS: EngineFacts = {
  engine: 'embedded',
  version: PACKAGE_VERSION,
  capabilities: {
    confirms: 'native',
    unroutable: 'native',
    durableGroups: 'native',
    transientSubscriptions: 'native',
    signals: 'native',
    ordered: 'supplied',
    delayedRetry: 'native',
    delayedSend: 'native',
    expiry: 'native',
    deliveryCount: 'native',
    startEarliest: 'refused',
    startAtTime: 'refused',
    fencing: 'supplied',
    replay: 'refused',
    liveFlow: 'native',
    deadLetterVisits: 'native',
  },
  limits: {
    maxMessageBytes: { value: MAX_MESSAGE_BYTES, source: 'read' },
    maxDelayMs: { value: MAX_DELAY_MS, source: 'read' },
  },
}

/** @param stored there is a disk, and the queue keeps its messages on it */
export function routeFacts(stored: boolean): RouteFacts {
  return {
    durability: {
      accepted: stored ? 'synced' : 'memory',
      lossWindowMs: read(0),
      copies: read(1),
      // A broker without a folder was asked for: `memory`.
      source: stored ? 'read' : 'told',
    },
    limits: {
      deliveryLimit: read(Infinity),
      settleWithinMs: read(Infinity),
      retentionMs: read(Infinity),
      retentionBytes: read(Infinity),
      // It lives and dies with its members.
      redeliveredWithinMs: read(0),
    },
  }
}

function read(value: number): Limit {
  return { value, source: 'read' }
}
