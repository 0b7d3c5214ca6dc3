import type { Runtime } from '../../runtime/runtime.ts'
import type { SubscriptionSnapshot } from '../../transport/transport.ts'
import { tapped, type Taps } from '../tapped-transport.ts'
import type { Mutant } from './mutant.ts'

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

/** Says something else of each subscription. */
const saying = (
  name: string,
  breaks: readonly string[],
  change: (standing: SubscriptionSnapshot, now: number) => Partial<SubscriptionSnapshot>,
): Mutant =>
  mutant(name, breaks, (runtime) => ({
    inspect: async (inspect) => {
      const snapshot = await inspect()
      const subscriptions = snapshot.subscriptions.map((each) => ({ ...each, ...change(each, runtime.now()) }))
      return { ...snapshot, subscriptions }
    },
  }))

/** What was taken up again is told, or handed out, no more. */
const givingUp = (name: string, breaks: readonly string[], hides: 'the restored' | 'what comes'): Mutant =>
  mutant(name, breaks, () => {
    let dropped = false
    return {
      event: (event, emit) => {
        if (event.type === 'subscription-lost') dropped = true
        if (event.type !== 'subscription-restored' || hides !== 'the restored') emit(event)
      },
      deliver: (batch, hand) => {
        if (!dropped || hides !== 'what comes') hand(batch)
      },
    }
  })

const DROPPED = ['liveness/a subscription that the engine', 'liveness/an ordered subscription that the engine']

export const livenessMutants: readonly Mutant[] = [
  saying('claims to be attached when it is not', ['liveness/nothing is attached'], (standing, now) => ({
    attached: true,
    since: standing.since ?? now,
  })),
  saying(
    'never says that it is attached',
    ['liveness/a subscription is attached', 'liveness/a transient', 'liveness/a member that stands'],
    () => ({ attached: false, since: undefined }),
  ),
  saying('says since when it was asked', ['liveness/a subscription is attached'], ({ attached }, now) =>
    attached ? { since: now } : {},
  ),
  saying(
    'remembers the first since',
    ['liveness/nothing is attached', ...DROPPED],
    (() => {
      const first = new Map<string, number>()
      return ({ group, since }) => {
        if (since === undefined) return {}
        if (!first.has(group)) first.set(group, since)
        return { since: first.get(group) ?? since }
      }
    })(),
  ),
  saying('never lags', ['liveness/lag counts what waits'], () => ({ lag: 0 })),
  saying('lags for ever', ['liveness/lag counts what waits'], ({ lag }) => ({ lag: lag + 1 })),
  givingUp('does not say that it has taken up again', DROPPED, 'the restored'),
  givingUp('never takes up again', DROPPED, 'what comes'),
]
