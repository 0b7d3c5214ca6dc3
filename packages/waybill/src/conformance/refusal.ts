import { strict as assert } from 'node:assert'
import { isWaybillError } from '../message/errors.ts'
import type { Capability } from '../transport/engine-facts.ts'
import type { SubscriptionSpec } from '../transport/transport.ts'
import type { Member } from './member.ts'
import type { Stage } from './stage.ts'

/** Checks that asking for a refused capability fails as it must, and is not accepted and ignored. */
export async function expectRefusal(stage: Stage, capability: Capability): Promise<void> {
  await REFUSALS[capability](stage, await stage.member())
}

const unsupported = (outcome: unknown, what: string): void =>
  assert.ok(
    isWaybillError(outcome, 'WAYBILL_UNSUPPORTED'),
    `${what} should fail with WAYBILL_UNSUPPORTED, since the engine's facts refuse it; instead: ${String(outcome)}`,
  )

async function subscribing(stage: Stage, member: Member, spec: SubscriptionSpec, what: string): Promise<void> {
  const outcome = await stage.patience.within(
    what,
    member.transport
      .subscribe(spec, () => {})
      .then(
        () => 'it resolved',
        (error: unknown) => error,
      ),
  )
  unsupported(outcome, what)
}

async function sending(stage: Stage, member: Member, field: 'delayMs' | 'expiresAt'): Promise<void> {
  // A queue of its own where the engine can: an engine that could delay may still refuse to delay a broadcast.
  const durable = member.facts.capabilities.durableGroups !== 'refused'
  const group = stage.group(stage.channel(durable ? 'command' : 'events'))
  if (durable) await member.declare(group)
  const { channel } = group
  const message = stage.message(channel, 'm1', field === 'expiresAt' ? { expiresAt: stage.runtime.now() + 60_000 } : {})
  const [result] = await member.offer([{ message, to: channel, ...(field === 'delayMs' ? { delayMs: 1_000 } : {}) }])
  unsupported(result?.outcome === 'refused' ? result.error : result?.outcome, `send() with ${field}`)
}

/** A subscription with one delivery at hand, durable where the engine can. */
async function withDelivery(stage: Stage, member: Member) {
  const group = stage.group()
  const transient = member.facts.capabilities.durableGroups === 'refused'
  const inbox = await member.subscribe(group, { transient, decide: () => 'hold' })
  await member.send(group.channel, 'm1')
  return { inbox, delivery: await inbox.delivered('m1') }
}

const REFUSALS: Readonly<Record<Capability, (stage: Stage, member: Member) => Promise<void>>> = {
  // Nothing to ask for: what is sent is accepted on trust, and the facts say so. It must still be answered.
  confirms: async (stage, member) => {
    await member.send(stage.channel(), 'm1')
  },
  // Nothing to ask for: the engine cannot tell, so it may not claim that nobody is there either.
  unroutable: async (stage, member) => {
    const channel = stage.channel('command')
    const [result] = await member.offer([{ message: stage.message(channel, 'm1'), to: channel }])
    if (result?.outcome === 'refused')
      assert.ok(!isWaybillError(result.error, 'WAYBILL_UNROUTABLE'), 'it does tell, so the capability is not refused')
  },
  durableGroups: (stage, member) =>
    subscribing(
      stage,
      member,
      { group: stage.group(), transient: false, prefetch: 1 },
      'subscribe() to a durable group',
    ),
  transientSubscriptions: (stage, member) =>
    subscribing(stage, member, { group: stage.group(), transient: true, prefetch: 1 }, 'a transient subscribe()'),
  signals: (stage, member) =>
    subscribing(
      stage,
      member,
      { group: stage.group(stage.channel('signals')), transient: true, prefetch: 1 },
      'subscribe() to signals',
    ),
  ordered: (stage, member) =>
    subscribing(
      stage,
      member,
      { group: stage.orderedGroup(2), transient: false, prefetch: 1 },
      'an ordered subscribe()',
    ),
  startEarliest: (stage, member) =>
    subscribing(
      stage,
      member,
      { group: stage.group(), transient: false, prefetch: 1, start: 'earliest' },
      'subscribe() from the earliest',
    ),
  startAtTime: (stage, member) =>
    subscribing(
      stage,
      member,
      { group: stage.group(), transient: false, prefetch: 1, start: { time: stage.runtime.now() - 1_000 } },
      'subscribe() from a time',
    ),
  replay: async (stage, member) => {
    const group = stage.group()
    const begin = { group, transient: true, prefetch: 1 }
    await subscribing(stage, member, { ...begin, start: 'earliest' }, 'a transient subscribe() from the earliest')
    await subscribing(stage, member, { ...begin, shards: [0] }, 'a transient subscribe() to named shards')
  },
  delayedSend: (stage, member) => sending(stage, member, 'delayMs'),
  expiry: (stage, member) => sending(stage, member, 'expiresAt'),
  // settle() has no answer of its own: it throws, or the error is reported; the message must not be lost by it.
  delayedRetry: async (stage, member) => {
    const { inbox, delivery } = await withDelivery(stage, member)
    let thrown: unknown
    try {
      inbox.decide({ retryMs: 1_000 }, delivery)
    } catch (error) {
      thrown = error
    }
    unsupported(thrown ?? (await member.reported('error')).error, 'settle() with a delayed retry')
  },
  deliveryCount: async (stage, member) => {
    const { inbox, delivery } = await withDelivery(stage, member)
    inbox.ack(delivery)
    assert.equal(delivery.deliveryCount, undefined, 'a count that the facts say is not known')
  },
  liveFlow: async (stage, member) => {
    const { inbox, delivery } = await withDelivery(stage, member)
    inbox.ack(delivery)
    let outcome: unknown = 'it returned'
    try {
      inbox.subscription.flow(5)
    } catch (error) {
      outcome = error
    }
    unsupported(outcome, 'flow()')
  },
  deadLetterVisits: async (stage, member) => {
    const group = stage.group()
    await member.declare(group)
    const visit = { limit: 1, batch: 1, decide: () => Promise.resolve([]) }
    const outcome = await stage.patience.within(
      'visitDeadLetters()',
      member.transport.visitDeadLetters(group, visit).then(
        () => 'it resolved',
        (error: unknown) => error,
      ),
    )
    unsupported(outcome, 'visitDeadLetters()')
  },
  // Nothing to ask for: deliveries have no token, and the verdicts of the bus say `fencing: none`.
  fencing: async (stage, member) => {
    const group = stage.orderedGroup(1)
    const inbox = await member.subscribe(group)
    await member.sendKeyed(group.channel, 'a', 'a1')
    assert.equal((await inbox.delivered('a1')).fencing, undefined, 'a token that the facts say there is none of')
  },
}
