import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream'
import type { EngineFacts, Limit, RouteFacts } from '../../transport/engine-facts.ts'
import { largestBody, MAX_DELAY_MS } from './limits.ts'

/** The server's own default of `sync_interval`: what is younger is with the operating system alone. */
const SYNC_INTERVAL_MS = 120_000

export function engineFacts(version: string, maxPayload: number): EngineFacts {
  return {
    engine: 'nats',
    version,
    capabilities: {
      confirms: 'native',
      unroutable: 'native',
      durableGroups: 'native',
      transientSubscriptions: 'native',
      signals: 'native',
      ordered: 'supplied',
      delayedRetry: 'supplied',
      delayedSend: 'supplied',
      expiry: 'supplied',
      deliveryCount: 'native',
      startEarliest: 'native',
      startAtTime: 'native',
      fencing: 'supplied',
      replay: 'native',
      liveFlow: 'supplied',
      deadLetterVisits: 'supplied',
    },
    limits: {
      maxMessageBytes: { value: largestBody(maxPayload), source: 'read' },
      maxDelayMs: { value: MAX_DELAY_MS, source: 'assumed' },
    },
  }
}

/**
 * Of a channel that has a stream, as the server says that it and the group's consumer are configured. A consumer that is
 * kept informed has no limit to settle within: `ack_wait` is extended while a handler runs.
 *
 * @param syncIntervalMs as the user told it; the server does not
 * @param redeliveredWithinMs until what a member held that crashed comes again, by our own settings
 */
export function storedFacts(
  { config }: StreamInfo,
  consumer: ConsumerInfo | undefined,
  syncIntervalMs: number | undefined,
  redeliveredWithinMs: number,
): RouteFacts {
  const inFile = config.storage === 'file'
  const source: Limit['source'] = syncIntervalMs === undefined ? 'assumed' : 'told'
  const maxDeliver = consumer?.config.max_deliver ?? -1
  const dropsOldest = config.discard === 'old'
  return {
    durability: {
      accepted: inFile ? (syncIntervalMs === 0 ? 'synced' : 'written') : 'memory',
      lossWindowMs: inFile
        ? { value: syncIntervalMs ?? SYNC_INTERVAL_MS, source }
        : { value: Infinity, source: 'read' },
      copies: read(config.num_replicas),
      source: inFile ? source : 'read',
    },
    limits: {
      deliveryLimit: read(maxDeliver > 0 ? maxDeliver : Infinity),
      settleWithinMs: { value: Infinity, source: 'told' },
      retentionMs: read(config.max_age > 0 ? config.max_age / 1_000_000 : Infinity),
      retentionBytes: read(dropsOldest && config.max_bytes > 0 ? config.max_bytes : Infinity),
      redeliveredWithinMs: { value: redeliveredWithinMs, source: 'told' },
    },
  }
}

/** Of a query, a survey, or replies to one process: core NATS keeps nothing, and hands out once. */
export const CORE_FACTS: RouteFacts = {
  durability: { accepted: 'memory', lossWindowMs: read(Infinity), copies: read(1), source: 'read' },
  limits: {
    deliveryLimit: read(1),
    settleWithinMs: read(Infinity),
    retentionMs: read(Infinity),
    retentionBytes: read(Infinity),
  },
}

function read(value: number): Limit {
  return { value, source: 'read' }
}
