import type { EngineFacts, Limit, RouteFacts } from '../../transport/engine-facts.ts'
import { MAX_DELAY_MS } from './limits.ts'

/** What an append-only file that is synced each second may lose: that second, and the next where the disk is slow. */
const EVERYSEC_LOSS_MS = 2_000

export function engineFacts(version: string, maxMessageBytes: number): EngineFacts {
  return {
    engine: 'redis',
    version,
    capabilities: {
      confirms: 'native',
      unroutable: 'supplied',
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
      deadLetterVisits: 'native',
    },
    limits: {
      maxMessageBytes: { value: maxMessageBytes, source: 'told' },
      maxDelayMs: { value: MAX_DELAY_MS, source: 'told' },
    },
  }
}

/** What the server says of how it keeps what it has; `undefined` where it does not say. */
export interface Persistence {
  readonly appendOnly: boolean | undefined
  readonly appendFsync: string | undefined
  /** In bytes; 0 for no bound. */
  readonly maxMemory: number | undefined
  readonly maxMemoryPolicy: string | undefined
}

/**
 * @param redeliveredWithinMs until what a member held that crashed comes again
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 */
export function routeFacts(persistence: Persistence, redeliveredWithinMs: number): RouteFacts {
  const { appendOnly, maxMemory, maxMemoryPolicy } = persistence
  return {
    durability: appendOnly === true ? appended(persistence.appendFsync) : inMemory(appendOnly),
    limits: {
      deliveryLimit: { value: Infinity, source: 'told' },
      settleWithinMs: { value: Infinity, source: 'told' },
      retentionMs: { value: Infinity, source: 'told' },
      retentionBytes: evicting(maxMemory, maxMemoryPolicy),
      redeliveredWithinMs: { value: redeliveredWithinMs, source: 'told' },
    },
  }
}

/** Of signals: the server hands them to who listens, once, and keeps nothing. */
export const SIGNAL_FACTS: RouteFacts = {
  durability: {
    accepted: 'memory',
    lossWindowMs: { value: Infinity, source: 'told' },
    copies: { value: 1, source: 'told' },
    source: 'told',
  },
  limits: {
    deliveryLimit: { value: 1, source: 'told' },
    settleWithinMs: { value: Infinity, source: 'told' },
    retentionMs: { value: Infinity, source: 'told' },
    retentionBytes: { value: Infinity, source: 'told' },
  },
}

/** Replicas get it after it is answered, however many must be there for a write to be taken: so there is one copy. */
const COPIES: Limit = { value: 1, source: 'assumed' }

function appended(fsync: string | undefined): RouteFacts['durability'] {
  const source = fsync === undefined ? 'assumed' : 'read'
  // Its own default is everysec.
  const lossWindowMs = fsync === 'always' ? 0 : fsync === 'no' ? Infinity : EVERYSEC_LOSS_MS
  return {
    accepted: lossWindowMs === 0 ? 'synced' : 'written',
    lossWindowMs: { value: lossWindowMs, source },
    copies: COPIES,
    source,
  }
}

/** Snapshots now and then are no promise for what came since. */
function inMemory(appendOnly: boolean | undefined): RouteFacts['durability'] {
  const source = appendOnly === undefined ? 'assumed' : 'read'
  return { accepted: 'memory', lossWindowMs: { value: Infinity, source }, copies: COPIES, source }
}

/** A policy for all keys takes away whole streams when memory is short; those for keys that expire take replies alone. */
function evicting(maxMemory: number | undefined, policy: string | undefined): Limit {
  // Its own default evicts nothing.
  if (maxMemory === undefined || policy === undefined) return { value: Infinity, source: 'assumed' }
  return { value: maxMemory > 0 && policy.startsWith('allkeys-') ? maxMemory : Infinity, source: 'read' }
}
