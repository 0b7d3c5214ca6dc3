import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery } from '../../transport/transport.ts'
import { tapped, type Taps } from '../tapped-transport.ts'
import type { Mutant } from './mutant.ts'

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

/** Changes the tokens of deliveries that have one. */
const handing = (name: string, breaks: readonly string[], fencing: (delivery: Delivery) => number): Mutant =>
  mutant(name, breaks, () => ({
    change: (delivery) => (delivery.fencing === undefined ? delivery : copy(delivery, fencing(delivery))),
  }))

// A delivery may be an object of a class: its fields are read by name.
function copy({ message, redelivered, deliveryCount, shard }: Delivery, fencing: number | undefined): Delivery {
  return { message, redelivered, deliveryCount, shard, ...(fencing === undefined ? {} : { fencing }) }
}

const EVERY = 'fencing/every delivery'
const GROWS = 'fencing/the token grows'
const DRILL = 'fencing/12 shards'

export const fencingMutants: readonly Mutant[] = [
  mutant('has no fencing tokens, and says that it has', [EVERY, GROWS, 'fencing/tokens go on', DRILL], () => ({
    change: (delivery) => copy(delivery, undefined),
  })),
  mutant('gives every delivery a token', [EVERY], () => ({ change: (delivery) => copy(delivery, 1) })),
  handing('gives every owner the same token', [GROWS, 'fencing/tokens go on', DRILL], () => 1),
  handing(
    'gives later owners smaller tokens',
    [GROWS, 'fencing/tokens go on'],
    ({ fencing = 0 }) => Number.MAX_SAFE_INTEGER - fencing,
  ),
  mutant('counts its own deliveries for tokens', [EVERY, DRILL], () => {
    let count = 0
    return { change: (delivery) => (delivery.fencing === undefined ? delivery : copy(delivery, ++count)) }
  }),
]
