// A transport between the bus under test and the in-memory broker: writes down what passes, and injects faults.
import type { WireMessage } from '../message/wire-message.ts'
import type {
  Delivery,
  Outgoing,
  Settlement,
  Subscription,
  SubscriptionSpec,
  Transport,
} from '../transport/transport.ts'

/** What passed, oldest first. */
export class Record {
  readonly sent: WireMessage[] = []
  readonly deliveries: WireMessage[] = []
  /** The same, to look one up. */
  readonly delivered: Set<WireMessage> = new Set()
  readonly settlements: { readonly settlement: Settlement; readonly group: string; readonly channel: string }[] = []
  /** Deliveries still to be lost before their acknowledgement, and messages still to be stored twice, by type. */
  readonly crashes: Map<string, number> = new Map()
  readonly duplicates: Map<string, number> = new Map()

  /** Takes one from `counts`, where there is one. */
  take(counts: Map<string, number>, type: string): boolean {
    const left = counts.get(type) ?? 0
    if (left > 0) counts.set(type, left - 1)
    return left > 0
  }
}

export function recordingTransport(inner: Transport, record: Record): Transport {
  return {
    name: inner.name,
    connect: (signal) => inner.connect(signal),
    declare: (topology) => inner.declare(topology),
    send: async (batch) => {
      record.sent.push(...batch.map(({ message }) => message))
      const twins = batch.filter(({ message }) => record.take(record.duplicates, message.type))
      const results = await inner.send([...batch, ...twins] satisfies Outgoing[])
      return results.slice(0, batch.length)
    },
    subscribe: (spec, receive) => subscribe(inner, record, spec, receive),
    addressOf: (channel) => inner.addressOf(channel),
    routeFacts: (group) => inner.routeFacts(group),
    visitDeadLetters: (group, visit) => inner.visitDeadLetters(group, visit),
    inspect: () => inner.inspect(),
    close: (deadlineMs) => inner.close(deadlineMs),
    onEvent: (listener) => inner.onEvent(listener),
  }
}

async function subscribe(
  inner: Transport,
  record: Record,
  spec: SubscriptionSpec,
  receive: (batch: readonly Delivery[]) => void,
): Promise<Subscription> {
  const { name: group, channel } = spec.group
  /** A delivery handed out again by us, and the one the broker knows. */
  const originals = new Map<Delivery, Delivery>()
  const hand = (batch: readonly Delivery[]): void => {
    for (const { message } of batch) {
      record.deliveries.push(message)
      record.delivered.add(message)
    }
    receive(batch)
  }
  const subscription = await inner.subscribe(spec, hand)
  return {
    get address() {
      return subscription.address
    },
    settle: (batch) => {
      const kept: Settlement[] = []
      for (const settlement of batch) {
        const { delivery, action } = settlement
        const original = originals.get(delivery) ?? delivery
        originals.delete(delivery)
        if (action === 'ack' && record.take(record.crashes, delivery.message.type)) {
          const again: Delivery = { ...delivery, redelivered: true, deliveryCount: (delivery.deliveryCount ?? 1) + 1 }
          originals.set(again, original)
          hand([again])
          continue
        }
        record.settlements.push({ settlement, group, channel: channel.name })
        kept.push({ ...settlement, delivery: original })
      }
      if (kept.length > 0) subscription.settle(kept)
    },
    flow: (prefetch) => subscription.flow(prefetch),
    close: (deadlineMs) => subscription.close(deadlineMs),
  }
}
