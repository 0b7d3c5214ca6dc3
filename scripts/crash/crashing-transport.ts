import type { Settlement, Subscription, Transport } from '../../packages/waybill/src/transport/transport.ts'
import type { Boundary } from './boundaries.ts'
import type { CrashPoint } from './crash-point.ts'

const SETTLING: Readonly<Record<Settlement['action'], readonly [before: Boundary, after: Boundary]>> = {
  ack: ['before-acknowledge', 'after-acknowledge'],
  retry: ['before-retry', 'after-retry'],
  reject: ['before-dead-letter', 'after-dead-letter'],
}

/** A transport that passes the boundaries of sending, settling and redriving. */
export function crashingTransport(inner: Transport, crash: CrashPoint): Transport {
  return {
    name: inner.name,
    connect: (signal) => inner.connect(signal),
    declare: (topology) => inner.declare(topology),
    send: async (batch) => {
      crash.at('before-publish')
      const results = await inner.send(batch)
      crash.at('after-publish')
      return results
    },
    subscribe: async (spec, receive) => crashingSubscription(await inner.subscribe(spec, receive), crash),
    addressOf: (channel) => inner.addressOf(channel),
    routeFacts: (group) => inner.routeFacts(group),
    visitDeadLetters: async (group, visit) => {
      const decide: typeof visit.decide = async (letters) => {
        const decisions = await visit.decide(letters)
        if (decisions.some(({ action }) => action === 'redrive')) crash.soonAt('during-redrive')
        return decisions
      }
      await inner.visitDeadLetters(group, { ...visit, decide })
      crash.at('after-redrive')
    },
    inspect: () => inner.inspect(),
    close: (deadlineMs) => inner.close(deadlineMs),
    onEvent: (listener) => inner.onEvent(listener),
  }
}

function crashingSubscription(inner: Subscription, crash: CrashPoint): Subscription {
  return {
    address: inner.address,
    settle: (batch) => {
      const passed = batch.flatMap(({ action }) => SETTLING[action])
      for (const [index, boundary] of passed.entries()) if (index % 2 === 0) crash.at(boundary)
      inner.settle(batch)
      for (const [index, boundary] of passed.entries()) if (index % 2 === 1) crash.soonAt(boundary)
    },
    flow: (prefetch) => inner.flow(prefetch),
    close: (deadlineMs) => inner.close(deadlineMs),
  }
}
