import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../../transport/transport.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Mutant } from './mutant.ts'
import { tapped, type Taps } from '../tapped-transport.ts'

const mutant = (name: string, breaks: readonly string[], taps: (runtime: Runtime) => Taps): Mutant => ({
  name,
  breaks,
  infect: (runtime) => (good) => tapped(good, taps(runtime)),
})

const forEver = <T>(): Promise<T> => new Promise(() => {})

/** Reports no event of these types. */
const silent = (name: string, breaks: readonly string[], ...types: readonly TransportEvent['type'][]): Mutant =>
  mutant(name, breaks, () => ({
    event: (event, emit) => {
      if (!types.includes(event.type)) emit(event)
    },
  }))

/** Lays `guard` round every operation but connect and close. */
const guarded = (good: Transport, guard: <T>(operation: () => Promise<T>) => Promise<T>): Transport => ({
  ...tapped(good, {}),
  declare: (topology) => guard(() => good.declare(topology)),
  send: (batch) => guard(() => good.send(batch)),
  subscribe: (spec, receive) => guard(() => good.subscribe(spec, receive)),
  routeFacts: (group) => guard(() => good.routeFacts(group)),
  visitDeadLetters: (group, visit) => guard(() => good.visitDeadLetters(group, visit)),
  inspect: () => guard(() => good.inspect()),
})

export const lifecycleMutants: readonly Mutant[] = [
  mutant('does not say what it speaks to', ['lifecycle/connect() tells'], () => ({
    facts: (facts) => ({ ...facts, version: '' }),
  })),

  {
    name: 'loses the codes of errors',
    breaks: [
      'lifecycle/before', 'lifecycle/while closing', 'lifecycle/close() before', 'lifecycle/close() while connecting',
      'lifecycle/connect() with', 'lifecycle/connect() stops', 'declare/a second owner', 'declare/of two owners', 'send/a command',
    ], // prettier-ignore
    infect: () => (good) => {
      const bare = async <T>(operation: () => Promise<T>): Promise<T> => {
        try {
          return await operation()
        } catch (error) {
          throw new Error(String(error), { cause: error })
        }
      }
      return {
        ...guarded(good, bare),
        connect: (signal) => bare(() => good.connect(signal)),
        send: (batch) =>
          bare(async () =>
            (await good.send(batch)).map((each) =>
              each.outcome === 'refused' ? { ...each, error: new Error(each.error.message) } : each,
            ),
          ),
      }
    },
  },

  {
    name: 'waits for ever while it is not connected',
    breaks: ['lifecycle/before', 'lifecycle/while connecting'],
    infect: () => (good) => {
      let connected = false
      return {
        ...guarded(good, (operation) => (connected ? operation() : forEver())),
        connect: async (signal) => {
          const facts = await good.connect(signal)
          connected = true
          return facts
        },
      }
    },
  },

  {
    name: 'answers nothing once the link was lost',
    breaks: [
      'lifecycle/while the link',
      'link/sends while',
      'link/nothing is lost when the link of the sender is cut',
      'broker/groups',
      'inspect/says',
    ],
    infect: () => (good) => {
      let lost = false
      good.onEvent((event) => (lost ||= event.type === 'disconnected'))
      return guarded(good, (operation) => (lost ? forEver() : operation()))
    },
  },

  mutant(
    'leaves the link open when it closes',
    [
      'lifecycle/a closed',
      'redelivery/what a closing',
      'lifecycle/while closing',
      'shard/those of a member that leaves',
    ],
    () => ({
      close: () => Promise.resolve(),
    }),
  ),

  {
    name: 'closes every transport with one',
    breaks: ['lifecycle/two transports'],
    infect: () => {
      const all: Transport[] = []
      return (good) => {
        all.push(good)
        return tapped(good, {
          close: async (_, deadlineMs) => void (await Promise.all(all.map((each) => each.close(deadlineMs)))),
        })
      }
    },
  },

  mutant(
    'does not come back from a second close()',
    ['lifecycle/close() twice', 'close/of a subscription twice', 'close/of many'],
    () => {
      let transportCloses = 0
      let subscriptionCloses = 0
      return {
        close: (close, deadlineMs) => (transportCloses++ === 0 ? close(deadlineMs) : forEver()),
        closeSubscription: (close, deadlineMs) => (subscriptionCloses++ === 0 ? close(deadlineMs) : forEver()),
      }
    },
  ),

  mutant('waits for the link to close properly', ['lifecycle/close() while the link'], () => {
    let lost = false
    return {
      event: (event, emit) => {
        lost ||= event.type === 'disconnected'
        emit(event)
      },
      close: (close, deadlineMs) => (lost ? forEver() : close(deadlineMs)),
    }
  }),

  mutant('never stops reporting', ['lifecycle/onEvent'], () => ({ callOff: () => {} })),
  silent(
    'never reports gaps',
    ['transient/reports a gap', 'signals/a link that was down', 'broker/a transient'],
    'gap',
  ),
  silent(
    'says nothing of shards',
    ['shard/one member', 'shard/are spread', 'shard/a member that joins'],
    'shard-assigned',
    'shard-revoked',
  ),
  silent('says nothing of being held back', ['broker/publishers'], 'blocked', 'unblocked'),
  silent('says nothing of a lost link', ['link/a lost', 'inspect/says', 'lifecycle/onEvent'], 'disconnected'),

  mutant('reports gaps where there are none', ['transient/a durable group'], () => ({
    event: (event, emit) => {
      emit(event)
      if (event.type === 'disconnected') emit({ type: 'gap', channel: '', group: '' })
    },
  })),

  mutant(
    'declares nothing',
    ['declare/a group keeps', 'declare/an ordered group keeps', 'declare/of two owners', 'declare/a command declared'],
    () => ({
      declare: () => Promise.resolve(),
    }),
  ),

  mutant('refuses what is declared twice', ['declare/is idempotent', 'declare/the owner'], () => {
    const declared = new Set<string>()
    return {
      declare: async (topology, declare) => {
        for (const { name } of topology.groups) if (declared.has(name)) throw new Error(`${name} exists`)
        await declare(topology)
        for (const { name } of topology.groups) declared.add(name)
      },
      subscribe: async (subscribe, { group }) => {
        if (declared.has(group.name)) throw new Error(`${group.name} exists`)
        return await subscribe()
      },
    }
  }),

  {
    name: 'overwrites what is declared otherwise',
    breaks: ['declare/an ordered group declared with'],
    infect: () => (good) => {
      const ignoring =
        <T>(otherwise: T) =>
        (error: unknown): T => {
          if (error instanceof Error && error.message.includes('CONFLICT')) return otherwise
          throw error
        }
      return {
        ...tapped(good, {}),
        declare: (topology) => good.declare(topology).catch(ignoring(undefined)),
      }
    },
  },

  mutant('tells another address than it has', ['reply/the address'], () => ({
    addressOf: (address) => `${address}-2`,
  })),
  mutant('gives every subscription an address', ['reply/other subscriptions'], () => ({
    address: (address) => address ?? 'none',
  })),
  mutant('inspects nothing', ['inspect/tells', 'inspect/counts', 'inspect/adds'], () => ({
    inspect: async (inspect) => ({ ...(await inspect()), groups: [] }),
  })),
  mutant('always says that it is connected', ['inspect/says'], () => ({
    inspect: async (inspect) => ({ ...(await inspect()), connected: true }),
  })),
]
