import type { Durability, EngineFacts, Limit, RouteFacts } from '../../transport/engine-facts.ts'
import type { Group } from '../../transport/transport.ts'
import { MAX_BODY_BYTES, MAX_DELAY_MS } from './limits.ts'
import { isLogged } from './names.ts'

export function engineFacts(version: string): EngineFacts {
  return {
    engine: 'postgres',
    version,
    capabilities: {
      confirms: 'native',
      unroutable: 'native',
      durableGroups: 'native',
      transientSubscriptions: 'supplied',
      signals: 'supplied',
      ordered: 'supplied',
      delayedRetry: 'native',
      delayedSend: 'native',
      expiry: 'supplied',
      deliveryCount: 'native',
      startEarliest: 'native',
      startAtTime: 'native',
      fencing: 'native',
      replay: 'native',
      liveFlow: 'supplied',
      deadLetterVisits: 'native',
    },
    limits: {
      maxMessageBytes: { value: MAX_BODY_BYTES, source: 'assumed' },
      maxDelayMs: { value: MAX_DELAY_MS, source: 'assumed' },
    },
  }
}

/** The settings of the server that say what a commit means. */
export interface ServerSettings {
  readonly fsync: string
  /** `full_page_writes`: without, a page that a power failure tore in two is not repaired. */
  readonly pages: string
  /** `synchronous_commit` */
  readonly commit: string
  /** `synchronous_standby_names` */
  readonly standbys: string
  /** `wal_writer_delay`, in milliseconds. */
  readonly delay: number
}

/** What the manual says of the delay. @see https://www.postgresql.org/docs/15/wal-async-commit.html */
const DELAYS_LOST = 3

/** @param retentionMs of the channel's history; a message that a group has not settled stays as long as it takes */
export function routeFactsIn(group: Group, server: ServerSettings | undefined, leaseMs: number): RouteFacts {
  const source = server === undefined ? 'assumed' : 'read'
  return {
    durability: isLogged(group.channel) ? durabilityIn(server) : unlogged(source),
    limits: {
      deliveryLimit: { value: Infinity, source },
      settleWithinMs: { value: Infinity, source: 'told' },
      retentionMs: { value: Infinity, source },
      retentionBytes: { value: Infinity, source },
      redeliveredWithinMs: { value: leaseMs * 1.25 + 1_000, source: 'told' },
    },
  }
}

/** A server that nobody has asked is taken to be as it is installed. */
function durabilityIn(server: ServerSettings | undefined): Durability {
  const source: Limit['source'] = server === undefined ? 'assumed' : 'read'
  const { fsync = 'on', pages = 'on', commit = 'on', standbys = '', delay = 0 } = server ?? {}
  const copies: Limit = { value: 1 + (commit === 'off' || commit === 'local' ? 0 : syncStandbys(standbys)), source }
  if (fsync === 'off') return { accepted: 'written', lossWindowMs: { value: Infinity, source }, copies, source }
  if (commit === 'off')
    return { accepted: 'memory', lossWindowMs: { value: DELAYS_LOST * delay, source }, copies, source }
  if (pages === 'off') return { accepted: 'written', lossWindowMs: { value: Infinity, source }, copies, source }
  return { accepted: 'synced', lossWindowMs: { value: 0, source }, copies, source }
}

/** Standbys that must have a commit before it is answered: `ANY 2 (a, b, c)`, `FIRST 1 (a, b)`, `2 (a, b)`, or a list, of which one. */
function syncStandbys(names: string): number {
  if (names.trim() === '') return 0
  return Number(/^(?:(?:ANY|FIRST)\s+)?(\d+)\s*\(/i.exec(names.trim())?.[1] ?? 1)
}

function unlogged(source: Limit['source']): Durability {
  return { accepted: 'memory', lossWindowMs: { value: Infinity, source }, copies: { value: 1, source }, source }
}
