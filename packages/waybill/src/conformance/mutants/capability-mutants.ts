import type { Capability } from '../../transport/engine-facts.ts'
import type { Mutant } from './mutant.ts'
import { tapped } from '../tapped-transport.ts'

/** Says that it refuses a capability, and then accepts what is asked: each clause that needs it must notice. */
const pretending = (capability: Capability, ...breaks: readonly string[]): Mutant => ({
  name: `says that it refuses ${capability}, and accepts it`,
  breaks,
  infect: () => (good) =>
    tapped(good, {
      facts: (facts) => ({ ...facts, capabilities: { ...facts.capabilities, [capability]: 'refused' } }),
    }),
})

// confirms is missing: there is nothing to ask for at the seam, so nothing that could be accepted wrongly.
export const capabilityMutants: readonly Mutant[] = [
  pretending('unroutable', 'send/a command that'),
  pretending('durableGroups', 'group/keeps its messages'),
  pretending('transientSubscriptions', 'transient/each instance'),
  pretending('signals', 'signals/each instance'),
  pretending('ordered', 'order/messages of a key'),
  pretending('delayedRetry', 'settle/retry with a delay'),
  pretending('delayedSend', 'delay/a delayed command comes'),
  pretending('expiry', 'expiry/what expired while'),
  pretending('deliveryCount', 'redelivery/the delivery count'),
  pretending('liveFlow', 'flow/raised'),
  pretending('deadLetterVisits', 'dead-letters/a visit shows'),
  pretending('fencing', 'fencing/every delivery'),
]
