// An engine that can do everything, and what a test changes of it.
import { command, contract, event, query, survey, type } from '../contract/contract.ts'
import { foreign } from '../contract/foreign.ts'
import { retryPolicy, type Retry } from '../middleware/retry-policy.ts'
import type { Capabilities, Durability, Limit, RouteFacts } from '../transport/engine-facts.ts'
import type { Facts, Route } from './route.ts'

const keyed = { key: ({ id }: { readonly id: string }) => id }
export const shop = contract(
  'shop',
  { shards: 4 },
  {
    paid: event(type<{ readonly id: string }>(), keyed),
    counted: event(type<number>()),
    ticked: event(type<number>(), { stored: false }),
    pay: command(type<number>()),
    charge: command(type<number>(), { reply: type<number>() }),
    price: query(type<number>(), type<number>()),
    offers: survey(type<number>(), type<number>()),
  },
)
export const meters = contract('meters', { read: event(type<{ readonly id: string }>(), { ...keyed, sequence: true }) })
export const kept = contract('kept', { retention: '7d' }, { seen: event(type<number>()) })
export const bare = foreign(shop.pay, { channel: 'legacy' })

export const read = (value: number): Limit => ({ value, source: 'read' })
export const told = (value: number): Limit => ({ value, source: 'told' })
export const assumed = (value: number): Limit => ({ value, source: 'assumed' })

export interface FactChanges {
  readonly capabilities?: Partial<Capabilities>
  readonly maxDelayMs?: Limit
  readonly durability?: Partial<Durability>
  readonly limits?: Partial<RouteFacts['limits']>
  readonly countsDeliveries?: boolean
}

export function facts({ capabilities, maxDelayMs, durability, limits, countsDeliveries }: FactChanges = {}): Facts {
  return {
    engine: {
      engine: 'perfect',
      version: '1',
      capabilities: {
        confirms: 'native', unroutable: 'native', durableGroups: 'native', transientSubscriptions: 'native', signals: 'native', ordered: 'native',
        delayedRetry: 'native', delayedSend: 'native', expiry: 'native', deliveryCount: 'native', startEarliest: 'native',
        startAtTime: 'native', fencing: 'native', replay: 'native', liveFlow: 'native', deadLetterVisits: 'native', ...capabilities,
      }, // prettier-ignore
      limits: { maxMessageBytes: read(1_000), maxDelayMs: maxDelayMs ?? read(Infinity) },
    },
    route: {
      ...(countsDeliveries === undefined ? {} : { countsDeliveries }),
      durability: { accepted: 'synced', lossWindowMs: read(0), copies: read(3), source: 'read', ...durability },
      limits: {
        deliveryLimit: read(Infinity),
        settleWithinMs: read(Infinity),
        retentionMs: read(Infinity),
        retentionBytes: read(Infinity),
        ...limits,
      },
    },
  }
}

export interface RouteChanges extends Partial<Omit<Route, 'retry' | 'group'>> {
  readonly retry?: Retry
  readonly ordered?: boolean
  readonly group?: string
}

export function route({ retry, ordered = false, group = 'till', ...more }: RouteChanges = {}): Route {
  const message = more.message ?? shop.paid
  return {
    role: 'on', message, service: 'till', group: { channel: message.channel, name: group, ordered }, transient: false,
    start: 'now', concurrency: 16, prefetch: 32, skipUnknownTypes: false, skipUnknownVersions: false, timeoutMs: 30_000,
    maxDeliveries: 20, retry: retryPolicy(retry ?? {}, () => 0), ...more,
  } // prettier-ignore
}
