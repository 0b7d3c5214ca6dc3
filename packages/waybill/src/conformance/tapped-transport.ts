import type { DeadLetterVisit } from '../transport/dead-letter-visit.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { TransportEvent } from '../transport/transport-event.ts'
import type {
  Delivery,
  Group,
  Outgoing,
  SendResult,
  Settlement,
  Subscription,
  SubscriptionSpec,
  Topology,
  Transport,
  TransportSnapshot,
} from '../transport/transport.ts'

type Receive = (batch: readonly Delivery[]) => void

/** Where a fault can be put in. Each tap is handed the good behaviour, to call or not. */
export interface Taps {
  readonly facts?: (facts: EngineFacts) => EngineFacts
  readonly connect?: (connect: () => Promise<EngineFacts>) => Promise<EngineFacts>
  readonly declare?: (topology: Topology, declare: (topology: Topology) => Promise<void>) => Promise<void>
  readonly send?: (
    batch: readonly Outgoing[],
    send: (batch: readonly Outgoing[]) => Promise<readonly SendResult[]>,
  ) => Promise<readonly SendResult[]>
  readonly spec?: (spec: SubscriptionSpec) => SubscriptionSpec
  readonly subscribe?: (
    subscribe: () => Promise<Subscription>,
    spec: SubscriptionSpec,
    receive: Receive,
  ) => Promise<Subscription>
  /** A delivery that is changed here finds its way back to the good one when it is settled. */
  readonly change?: (delivery: Delivery) => Delivery
  readonly deliver?: (batch: readonly Delivery[], hand: Receive, spec: SubscriptionSpec, settle: Settle) => void
  readonly settle?: (batch: readonly Settlement[], settle: Settle, spec: SubscriptionSpec) => void
  readonly flow?: (prefetch: number, flow: (prefetch: number) => void) => void
  readonly addressOf?: (address: string) => string
  readonly address?: (address: string | undefined) => string | undefined
  readonly closeSubscription?: (
    close: (deadlineMs: number) => Promise<void>,
    deadlineMs: number,
    settle: Settle,
  ) => Promise<void>
  readonly visitDeadLetters?: (
    group: Group,
    visit: DeadLetterVisit,
    visiting: (visit: DeadLetterVisit) => Promise<void>,
  ) => Promise<void>
  readonly inspect?: (inspect: () => Promise<TransportSnapshot>) => Promise<TransportSnapshot>
  readonly close?: (close: (deadlineMs: number) => Promise<void>, deadlineMs: number) => Promise<void>
  readonly event?: (event: TransportEvent, emit: (event: TransportEvent) => void) => void
  readonly callOff?: (callOff: () => void) => void
}

export type Settle = (batch: readonly Settlement[]) => void

export function tapped(good: Transport, taps: Taps): Transport {
  const connect = async (signal: AbortSignal): Promise<EngineFacts> => {
    const facts = await good.connect(signal)
    return taps.facts?.(facts) ?? facts
  }
  return {
    name: good.name,
    connect: (signal) => taps.connect?.(() => connect(signal)) ?? connect(signal),
    declare: (topology) => taps.declare?.(topology, (each) => good.declare(each)) ?? good.declare(topology),
    send: (batch) => taps.send?.(batch, (each) => good.send(each)) ?? good.send(batch),
    subscribe: (spec, receive) => subscribe(good, taps, taps.spec?.(spec) ?? spec, receive),
    addressOf: (channel) => taps.addressOf?.(good.addressOf(channel)) ?? good.addressOf(channel),
    routeFacts: (group) => good.routeFacts(group),
    visitDeadLetters: (group, visit) =>
      taps.visitDeadLetters?.(group, visit, (each) => good.visitDeadLetters(group, each)) ??
      good.visitDeadLetters(group, visit),
    inspect: () => taps.inspect?.(() => good.inspect()) ?? good.inspect(),
    close: (deadlineMs) => taps.close?.((each) => good.close(each), deadlineMs) ?? good.close(deadlineMs),
    onEvent: (listener) => {
      const callOff = good.onEvent((event) => {
        if (taps.event === undefined) listener(event)
        else taps.event(event, listener)
      })
      return () => {
        if (taps.callOff === undefined) callOff()
        else taps.callOff(callOff)
      }
    },
  }
}

async function subscribe(good: Transport, taps: Taps, spec: SubscriptionSpec, receive: Receive): Promise<Subscription> {
  const originals = new WeakMap<Delivery, Delivery>()
  let subscription: Subscription | undefined
  const early: Settlement[] = []
  const settle: Settle = (batch) => {
    const mapped = batch.map((each) => ({ ...each, delivery: originals.get(each.delivery) ?? each.delivery }))
    if (subscription === undefined) early.push(...mapped)
    else subscription.settle(mapped)
  }
  const hand: Receive = (batch) => {
    if (batch.length === 0) return
    const { change } = taps
    if (change === undefined) return receive(batch)
    const changed = batch.map((delivery) => {
      const other = change(delivery)
      originals.set(other, delivery)
      return other
    })
    receive(changed)
  }
  const subscribing = (): Promise<Subscription> =>
    good.subscribe(spec, (batch) => {
      if (taps.deliver === undefined) hand(batch)
      else taps.deliver(batch, hand, spec, settle)
    })
  const made = await (taps.subscribe?.(subscribing, spec, hand) ?? subscribing())
  subscription = made
  if (early.length > 0) made.settle(early)
  return {
    get address() {
      return taps.address === undefined ? made.address : taps.address(made.address)
    },
    settle: (batch) => {
      if (taps.settle === undefined) settle(batch)
      else taps.settle(batch, settle, spec)
    },
    flow: (prefetch) => {
      if (taps.flow === undefined) made.flow(prefetch)
      else taps.flow(prefetch, (each) => made.flow(each))
    },
    close: (deadlineMs) =>
      taps.closeSubscription?.((each) => made.close(each), deadlineMs, settle) ?? made.close(deadlineMs),
  }
}
