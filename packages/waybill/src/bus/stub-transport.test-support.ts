// A transport without a broker, for what a real one does only on its worst day: the test plays the broker.
import { wireMessage } from '../message/build-message.ts'
import type { MessageFields } from '../message/build-message.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import type { EngineFacts, RouteFacts } from '../transport/engine-facts.ts'
import type { TransportEvent } from '../transport/transport-event.ts'
import type {
  Delivery,
  Outgoing,
  Settlement,
  SubscriptionSnapshot,
  SubscriptionSpec,
  Transport,
} from '../transport/transport.ts'

export interface StubSubscription {
  readonly spec: SubscriptionSpec
  readonly receive: (batch: readonly Delivery[]) => void
  readonly settled: Settlement[]
  readonly flows: number[]
  /** The deadline it was closed with. */
  closed: number | undefined
}

export interface Stub {
  readonly transport: Transport
  readonly sent: Outgoing[]
  readonly subscriptions: StubSubscription[]
  readonly calls: string[]
  emit(event: TransportEvent): void
}

const limit = { value: 1e9, source: 'assumed' } as const
const facts: EngineFacts = {
  engine: 'stub',
  version: '0',
  capabilities: {
    confirms: 'native',
    unroutable: 'native',
    durableGroups: 'native',
    transientSubscriptions: 'native',
    signals: 'native',
    ordered: 'native',
    delayedRetry: 'native',
    delayedSend: 'native',
    expiry: 'native',
    deliveryCount: 'native',
    startEarliest: 'native',
    startAtTime: 'native',
    fencing: 'refused',
    replay: 'refused',
    liveFlow: 'native',
    deadLetterVisits: 'native',
  },
  limits: { maxMessageBytes: limit, maxDelayMs: limit },
}

const routeFacts: RouteFacts = {
  durability: { accepted: 'synced', lossWindowMs: limit, copies: limit, source: 'assumed' },
  limits: { deliveryLimit: limit, settleWithinMs: limit, retentionMs: limit, retentionBytes: limit },
}

function standing({ spec, closed }: StubSubscription): readonly SubscriptionSnapshot[] {
  const { channel, name } = spec.group
  return closed === undefined ? [{ channel: channel.name, group: name, attached: true, since: 1, lag: 0 }] : []
}

/** Accepts everything at once, unless `own` says otherwise. */
export function stubTransport(own: Partial<Transport> = {}): Stub {
  const listeners = new Set<(event: TransportEvent) => void>()
  const stub: Stub = {
    sent: [],
    subscriptions: [],
    calls: [],
    emit: (event) => listeners.forEach((listener) => listener(event)),
    transport: {
      name: 'stub',
      connect: () => Promise.resolve(facts),
      declare: () => Promise.resolve(),
      send: (batch) => {
        stub.sent.push(...batch)
        return Promise.resolve(batch.map(() => ({ outcome: 'accepted' })))
      },
      subscribe: (spec, receive) => {
        const made: StubSubscription = { spec, receive, settled: [], flows: [], closed: undefined }
        stub.subscriptions.push(made)
        return Promise.resolve({
          address: spec.group.channel.kind === 'reply' ? 'here' : undefined,
          settle: (batch) => void made.settled.push(...batch),
          flow: (prefetch) => void made.flows.push(prefetch),
          close: (deadlineMs) => {
            made.closed = deadlineMs
            return Promise.resolve()
          },
        })
      },
      addressOf: (channel) => channel.name,
      routeFacts: () => Promise.resolve(routeFacts),
      visitDeadLetters: () => Promise.resolve(),
      inspect: () =>
        Promise.resolve({ connected: true, groups: [], subscriptions: stub.subscriptions.flatMap(standing) }),
      close: () => {
        stub.calls.push('close')
        return Promise.resolve()
      },
      onEvent: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      ...own,
    },
  }
  return stub
}

const clock = virtualRuntime()

/** A delivery of `value` as `type`. */
export function deliveryOf(type: string, value: unknown, fields: Partial<MessageFields> = {}, count = 1): Delivery {
  const body = new TextEncoder().encode(JSON.stringify(value))
  const message = wireMessage(
    { source: 'test', type, kind: 'event', contentType: 'application/json', body, ...fields },
    clock,
  )
  return { message, redelivered: count > 1, deliveryCount: count, shard: 0 }
}
