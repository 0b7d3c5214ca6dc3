import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Delivery, Group } from '../../transport/transport.ts'
import type { Mutant } from './mutant.ts'
import { tapped, type Taps } from '../tapped-transport.ts'

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

/** Changes each delivery on its way to the receiver. */
const handing = (name: string, breaks: readonly string[], change: (delivery: Delivery) => Partial<Delivery>): Mutant =>
  mutant(name, breaks, () => ({ change: (delivery) => copy(delivery, change(delivery)) }))

// A delivery may be an object of a class: its fields are read by name.
function copy(delivery: Delivery, changes: Partial<Delivery>): Delivery {
  const { message, redelivered, deliveryCount, shard } = delivery
  return { message, redelivered, deliveryCount, shard, ...changes }
}

const onGroup = (change: (group: Group) => Group): Taps => ({
  declare: (topology, declare) => declare({ ...topology, groups: topology.groups.map(change) }),
  spec: (spec) => ({ ...spec, group: change(spec.group) }),
})

const owned = ({ kind, name, shards }: Channel): Channel => ({ kind, name, shards })

const allTypes = ({ channel, name, ordered }: Group): Group => ({ channel, name, ordered })

export const deliveryMutants: readonly Mutant[] = [
  handing('marks everything as redelivered', ['redelivery/a message is not'], () => ({ redelivered: true })),
  handing(
    'never marks what is redelivered',
    ['redelivery/what a closing', 'redelivery/what a crashed', 'broker/what was confirmed'],
    () => ({ redelivered: false }),
  ),
  handing('counts every delivery as the first', ['redelivery/the delivery count'], () => ({ deliveryCount: 1 })),
  handing('says the wrong shard', ['shard/a message goes', 'order/messages without a key'], ({ shard }) => ({
    shard: shard + 1,
  })),
  handing(
    'loses headers on a retry',
    ['settle/retry leaves', 'settle/retry adds', 'redelivery/what is retried'],
    ({ message }) => ({
      message: message.attempt === 1 ? message : { ...message, headers: NO_HEADERS },
    }),
  ),

  mutant(
    'ignores the prefetch',
    ['flow/at most 1', 'flow/at most 7', 'flow/the prefetch holds', 'flow/a member that settles'],
    () => ({
      spec: (spec) => ({ ...spec, prefetch: 1_000 }),
    }),
  ),
  mutant('ignores changes of the prefetch', ['flow/raised', 'flow/lowered'], () => ({ flow: () => {} })),
  mutant('hands out one at a time', ['flow/at most 7', 'order/a key that is slow', 'order/at most one'], () => ({
    spec: (spec) => ({ ...spec, prefetch: 1 }),
  })),
  mutant(
    'ignores the types',
    ['group/receives only', 'group/an ordered one', 'transient/receives only', 'signals/receives only'],
    () => onGroup(allTypes),
  ),
  mutant(
    'ignores that a group is ordered',
    [
      'order/messages of a key',
      'order/at most one',
      'order/a failing key',
      'order/while one',
      'order/once a key',
      'order/successors',
      'order/holds for',
      'order/a new owner',
      'shard/none is',
      'shard/those of',
      'shard/a member',
      'shard/members',
      'shard/are',
    ],
    () => onGroup((group) => ({ ...group, ordered: false })),
  ),
  mutant('takes all groups of a channel for one', ['group/every group', 'settle/reject of one'], () =>
    onGroup((group) => ({ ...group, name: 'all' })),
  ),
  mutant(
    'makes every subscription transient',
    [
      'group/keeps',
      'group/one that exists',
      'group/competing',
      'reply/to a durable',
      'declare/a group keeps',
      'transient/a durable group',
      'redelivery/a closing',
      'lifecycle/a closed',
    ],
    () => ({ spec: (spec) => ({ ...spec, transient: true }) }),
  ),
  mutant(
    'makes every subscription durable',
    ['transient/each instance', 'transient/starts now', 'transient/reports a gap'],
    () => ({
      spec: (spec) => ({ ...spec, transient: false }),
    }),
  ),
  mutant('declares what belongs to others', ['foreign/'], () => ({
    ...onGroup((group) => ({ ...group, channel: owned(group.channel) })),
    send: (batch, send) =>
      send(batch.map((each) => (each.to.kind === 'address' ? each : { ...each, to: owned(each.to) }))),
  })),
  mutant('accepts a start position and ignores it', ['group/one that starts'], () => ({
    spec: ({ group, transient, prefetch }) => ({ group, transient, prefetch }),
  })),

  {
    name: 'starts every new group at the beginning',
    breaks: ['group/a new one'],
    infect: () => {
      const sent = new Map<string, WireMessage[]>()
      return (good) =>
        tapped(good, {
          send: async (batch, send) => {
            for (const { message, to } of batch)
              if (to.kind !== 'address') sent.set(to.name, [...(sent.get(to.name) ?? []), message])
            return await send(batch)
          },
          subscribe: async (subscribe, spec, receive) => {
            const earlier = sent.get(spec.group.channel.name) ?? []
            const subscription = await subscribe()
            receive(earlier.map((message) => ({ message, redelivered: false, deliveryCount: 1, shard: 0 })))
            return {
              ...subscription,
              address: subscription.address,
              settle: () => {},
              close: (ms) => subscription.close(ms),
            }
          },
        })
    },
  },

  mutant('resolves subscribe() too early', ['group/what is sent right'], (runtime) => ({
    subscribe: (subscribe) => {
      const made = new Promise<void>((resolve) => void runtime.setTimer(60, resolve)).then(subscribe)
      made.catch(() => undefined)
      return Promise.resolve({
        address: undefined,
        settle: (batch) => void made.then((good) => good.settle(batch)),
        flow: (prefetch) => void made.then((good) => good.flow(prefetch)),
        close: async (deadlineMs) => await (await made).close(deadlineMs),
      })
    },
  })),

  mutant('hands deliveries to the wrong subscription', ['group/many subscriptions', 'transient/beside'], () => {
    let latest: ((batch: readonly Delivery[]) => void) | undefined
    return {
      subscribe: async (subscribe, _, receive) => {
        latest = receive
        return await subscribe()
      },
      deliver: (batch) => latest?.(batch),
    }
  }),

  mutant(
    'forgets its subscriptions when the link is lost',
    [
      'link/three',
      'link/a lost link',
      'link/order per key',
      'settle/of a delivery',
      'broker/what was',
      'broker/a waiting',
      'broker/order',
      'broker/a transient',
      'transient/a durable group',
    ],
    () => {
      let lost = false
      return {
        event: (event, emit) => {
          if (event.type === 'disconnected') lost = true
          emit(event)
        },
        deliver: (batch, hand) => {
          if (!lost) hand(batch)
        },
      }
    },
  ),

  mutant('loses what comes after a silence', ['link/nothing is lost when the link of the receiver'], (runtime) => {
    let last: number | undefined
    return {
      deliver: (batch, hand, _, settle) => {
        const silence = runtime.monotonic() - (last ?? runtime.monotonic())
        last = runtime.monotonic()
        if (silence > 40) settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
        else hand(batch)
      },
    }
  }),
]
