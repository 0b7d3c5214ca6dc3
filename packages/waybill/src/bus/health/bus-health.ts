import type { SubscriptionSnapshot, TransportSnapshot } from '../../transport/transport.ts'
import type { OutboxHealth } from '../outbox/outbox-health.ts'
import type { SubscriptionControl } from '../subscription/subscription-control.ts'

/** How one subscription stands, here and at the broker. */
export interface SubscriptionHealth extends Pick<SubscriptionControl, 'service' | 'channel' | 'group' | 'state'> {
  /** The broker counts it among its consumers. */
  readonly attached: boolean
  /** Names of the circuit breakers that pause handlers of it: what these wait for is not well, the subscription is. */
  readonly pausedBy: readonly string[]
  /** Since when; `undefined` while it is not attached. */
  readonly since: Date | undefined
  /** Messages that wait for its group, all members together; the last number known, `undefined` where none is. */
  readonly lag: number | undefined
}

export interface BusHealth {
  /** Connected, every subscription consuming and attached, every outbox healthy. */
  readonly healthy: boolean
  readonly connected: boolean
  /** Why the broker holds publishers back (memory, disk): sends wait. `undefined` while it does not. */
  readonly blocked: string | undefined
  readonly subscriptions: readonly SubscriptionHealth[]
  /** One for each store. */
  readonly outboxes: readonly OutboxHealth[]
  /** What the broker itself says. */
  readonly broker: TransportSnapshot
}

/** What is known when {@link busHealth} is asked. */
export interface HealthSources {
  readonly subscriptions: readonly Pick<SubscriptionControl, 'service' | 'channel' | 'group' | 'state' | 'pausedBy'>[]
  /** The link is up, by what the transport reports. */
  readonly linked: boolean
  readonly blocked: string | undefined
  /** `undefined`: it does not answer. */
  readonly broker: TransportSnapshot | undefined
  readonly outboxes: readonly OutboxHealth[]
}

const NOTHING_KNOWN: TransportSnapshot = { connected: false, groups: [], subscriptions: [] }

/** A subscription is well when the broker says that it is attached, not when our object exists. */
export function busHealth({ subscriptions, linked, blocked, broker, outboxes }: HealthSources): BusHealth {
  // A blocked broker answers no question, and yet the link is up.
  const silent = broker === undefined && blocked !== undefined
  const connected = linked && (broker?.connected === true || silent)
  const standings = subscriptions.map((each): SubscriptionHealth => {
    const { service, channel, group, state, pausedBy } = each
    const standing = standingOf(each, broker)
    const attached = state !== 'closed' && (silent ? state !== 'lost' : standing?.attached === true)
    const since = attached && standing?.since !== undefined ? new Date(standing.since) : undefined
    return { service, channel, group, state, attached, pausedBy, since, lag: standing?.lag }
  })
  return {
    healthy:
      connected &&
      standings.every(({ state, attached }) => state === 'consuming' && attached) &&
      outboxes.every(({ healthy }) => healthy),
    connected,
    blocked,
    subscriptions: standings,
    outboxes,
    broker: broker ?? NOTHING_KNOWN,
  }
}

function standingOf(
  { channel, group }: Pick<SubscriptionControl, 'channel' | 'group'>,
  broker: TransportSnapshot | undefined,
): SubscriptionSnapshot | undefined {
  return broker?.subscriptions.find((each) => each.channel === channel && each.group === group)
}
