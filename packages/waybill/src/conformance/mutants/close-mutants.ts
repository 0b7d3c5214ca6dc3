import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery, Subscription } from '../../transport/transport.ts'
import type { Mutant } from './mutant.ts'
import { tapped, type Taps } from '../tapped-transport.ts'

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

const forEver = <T>(): Promise<T> => new Promise(() => {})

export const closeMutants: readonly Mutant[] = [
  mutant(
    'keeps delivering after a subscription is closed',
    ['close/of a subscription: no', 'settle/after the', 'redelivery/a closing', 'shard/those of a subscription'],
    () => ({
      closeSubscription: () => Promise.resolve(),
    }),
  ),
  mutant('closes without waiting for the unsettled', ['close/waits'], () => ({
    closeSubscription: (close) => close(0),
  })),
  mutant('waits for the unsettled for ever', ['close/does not wait'], () => ({
    closeSubscription: (close) => close(3_600_000),
  })),

  mutant('hands out more while it closes', ['close/a subscription that closes'], (runtime) => {
    const unsettled = new Set<Delivery>()
    return {
      deliver: (batch, hand) => {
        for (const each of batch) unsettled.add(each)
        hand(batch)
      },
      settle: (batch, settle) => {
        for (const each of batch) unsettled.delete(each.delivery)
        settle(batch)
      },
      closeSubscription: async (close, deadlineMs) => {
        const until = runtime.monotonic() + deadlineMs
        while (unsettled.size > 0 && runtime.monotonic() < until)
          await new Promise<void>((resolve) => void runtime.setTimer(5, resolve))
        await close(0)
      },
    }
  }),

  mutant(
    'acknowledges the unsettled when it closes',
    ['redelivery/a closing', 'settle/after the', 'close/does not wait'],
    (runtime) => {
      const unsettled = new Set<Delivery>()
      return {
        deliver: (batch, hand) => {
          for (const each of batch) unsettled.add(each)
          hand(batch)
        },
        settle: (batch, settle) => {
          for (const each of batch) unsettled.delete(each.delivery)
          settle(batch)
        },
        closeSubscription: async (close, deadlineMs, settle) => {
          settle([...unsettled].map((delivery) => ({ delivery, action: 'ack' })))
          await new Promise<void>((resolve) => void runtime.setTimer(5, resolve))
          await close(deadlineMs)
        },
      }
    },
  ),

  {
    name: 'closes all subscriptions with one',
    breaks: ['close/of one subscription'],
    infect: () => (good) => {
      const all: Subscription[] = []
      return tapped(good, {
        subscribe: async (subscribe) => {
          const subscription = await subscribe()
          all.push(subscription)
          return subscription
        },
        closeSubscription: async (_, deadlineMs) => void (await Promise.all(all.map((each) => each.close(deadlineMs)))),
      })
    },
  },

  mutant('forgets what is under way when it closes', ['close/in the middle', 'close/of a transport that'], () => {
    let closing = false
    const unlessClosing = async <T>(operation: Promise<T>): Promise<T> => {
      const result = await operation.catch((error: unknown) =>
        closing ? forEver<T>() : Promise.reject(error as Error),
      )
      return closing ? await forEver<T>() : result
    }
    return {
      send: (batch, send) => unlessClosing(send(batch)),
      subscribe: (subscribe) => unlessClosing(subscribe()),
      close: (close, deadlineMs) => {
        closing = true
        return close(deadlineMs)
      },
    }
  }),
]
