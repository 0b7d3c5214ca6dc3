import type { SubscriptionSnapshot, TransportSnapshot } from '../transport/transport.ts'
import type { BusHealth, OutboxHealth, SubscriptionControl, SubscriptionHealth } from './bus.ts'

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
