import { strict as assert } from 'node:assert'
import type { Group } from '../../transport/transport.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import { Ledger } from '../ledger.ts'
import type { Member } from '../member.ts'
import { numbered, text } from '../message-of.ts'
import type { Stage } from '../stage.ts'

const restarted: ClauseOptions = { faults: ['restartBroker'] }

const MESSAGES = 10_000
const PUBLISHERS = 20
const BATCH = 10
/** Between batches of one publisher: four seconds in all, so that the broker is killed in the midst of them. */
const PACE_MS = 80
/** A publisher that keeps being refused while the broker starts tries again this often. */
const TRY_AGAIN_MS = 50

/** Sends its share, batch by batch; what is refused was not stored and is sent again. */
async function publish(
  stage: Stage,
  member: Member,
  group: Group,
  ledger: Ledger,
  ids: readonly string[],
): Promise<void> {
  for (let at = 0; at < ids.length; at += BATCH) {
    let left = ids.slice(at, at + BATCH)
    await stage.patience.pause(PACE_MS)
    // One batch may meet both absences of the broker: its link waits through the short life between the two kills.
    await stage.patience.times(3).until(
      () => `messages to be taken: ${left.join(' ')}`,
      async () => {
        const outgoing = left.map((id) => ({ message: stage.message(group.channel, id), to: group.channel }))
        const results = await member.transport.send(outgoing)
        for (const [index, id] of left.entries()) ledger.sent(id, results[index]?.outcome ?? 'unknown')
        left = left.filter((_, index) => results[index]?.outcome === 'refused')
        if (left.length > 0) await stage.patience.pause(TRY_AGAIN_MS)
        return left.length === 0
      },
    )
  }
}

/** Waits until the link has gone and come back. */
async function back(member: Member, restarts = 1): Promise<void> {
  await member.reported('disconnected', restarts - 1)
  await member.reported('connected', restarts - 1)
}

export const brokerFaultClauses: readonly Clause[] = [
  clause('broker/what was confirmed is there after it was killed, redelivery marked', restarted, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const held = await member.subscribe(group, { prefetch: 2, decide: () => 'hold' })
    await member.send(group.channel, ...numbered('m', 5))
    await held.arrived(2)
    await stage.fault('restartBroker')()
    await back(member)
    const seen = new Set<string>()
    await stage.patience.until(
      () => `m1 to m5 after the restart; there were: ${[...seen].join(' ')}`,
      () => {
        for (const delivery of held.deliveries.slice(2)) {
          if (held.unsettled.has(delivery)) held.ack(delivery)
          seen.add(text(delivery))
        }
        return seen.size === 5
      },
    )
    for (const delivery of held.deliveries.slice(2))
      if (['m1', 'm2'].includes(text(delivery)))
        assert.notEqual(delivery.redelivered, false, `${text(delivery)} is not marked`)
  }),

  clause('broker/groups, dead letters and depth survive its death', restarted, async (stage) => {
    const member = await stage.member()
    const [waiting, rejecting] = [stage.group(), stage.group()]
    await member.declare(waiting)
    await member.subscribe(rejecting, { decide: () => ({ reject: 'failed' }) })
    await member.send(waiting.channel, 'm1', 'm2')
    await member.send(rejecting.channel, 'bad')
    await member.sees(rejecting, { deadLetters: 1 })
    // Stored as a dead letter, the message is then acknowledged; killed between the two, it would be there twice.
    await stage.patience.pause(100)
    await stage.fault('restartBroker')()
    await back(member)
    await member.sees(waiting, { depth: 2 })
    await member.sees(rejecting, { deadLetters: 1, consumers: 1 })
  }),

  clause(
    'broker/a waiting retry and a delayed command survive its death',
    { ...restarted, needs: ['durableGroups', 'delayedRetry', 'delayedSend'] },
    async (stage) => {
      const member = await stage.member()
      const [events, commands] = [stage.group(), stage.group(stage.channel('command'))]
      const retried = await member.subscribe(events, {
        decide: ({ message }) => (message.attempt === 1 ? { retryMs: 1_500 } : 'ack'),
      })
      const delayed = await member.subscribe(commands)
      await member.send(events.channel, 'm1')
      await retried.delivered('m1')
      await member.offer([{ message: stage.message(commands.channel, 'c1'), to: commands.channel, delayMs: 1_500 }])
      // The retry is stored before the original is acknowledged; a moment lets both reach the broker.
      await stage.patience.pause(300)
      await stage.fault('restartBroker')()
      await stage.patience.until('the retry', () => retried.deliveries.some(({ message }) => message.attempt === 2))
      await delayed.delivered('c1')
    },
  ),

  clause(
    'broker/order per key holds through its death',
    { ...restarted, needs: ['durableGroups', 'ordered', 'delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(2)
      const ledger = new Ledger()
      const keys = ['a', 'b', 'c', 'd']
      const inbox = await member.subscribe(group, {
        prefetch: 6,
        decide: (delivery) => {
          if (text(delivery).endsWith('/2') && delivery.message.attempt === 1) return { retryMs: 600 }
          ledger.handled(text(delivery))
          return 'ack'
        },
      })
      for (let n = 1; n <= 10; n++)
        for (const key of keys) {
          ledger.sending(`${key}/${n}`, key)
          await member.sendKeyed(group.channel, key, `${key}/${n}`)
          ledger.sent(`${key}/${n}`, 'accepted')
        }
      await inbox.arrived(4)
      await stage.fault('restartBroker')()
      await back(member)
      await stage.patience.until(
        () => `missing: ${ledger.verdict().lost.join(' ')}`,
        () => ledger.missing === 0,
      )
      assert.deepEqual(ledger.verdict().disorder, [])
    },
  ),

  clause(
    'broker/a transient subscription reports a gap after its death, and goes on',
    { ...restarted, needs: ['transientSubscriptions'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, { transient: true })
      await stage.fault('restartBroker')()
      await member.reported('gap')
      await member.reported('subscription-restored')
      await member.send(group.channel, 'm1')
      await inbox.delivered('m1')
    },
  ),

  clause(
    `broker/killed at one third and at one half of ${MESSAGES} messages of ${PUBLISHERS} publishers: nothing confirmed is lost`,
    { ...restarted, long: true },
    async (stage) => {
      const [receiver, ...senders] = await stage.members(1 + 4)
      assert.ok(receiver)
      const group = stage.group()
      const ledger = new Ledger()
      await receiver.subscribe(group, { prefetch: 200, decide: (delivery) => (ledger.handled(text(delivery)), 'ack') })
      const share = MESSAGES / PUBLISHERS
      const publishing = Promise.all(
        Array.from({ length: PUBLISHERS }, (_, of) =>
          publish(stage, senders[of % senders.length] ?? receiver, group, ledger, numbered(`p${of}.`, share)),
        ),
      )
      let failed: unknown
      publishing.catch((error: unknown) => (failed = error))
      for (const at of [MESSAGES / 3, MESSAGES / 2]) {
        await stage.patience.until(
          () => `${at} messages to be confirmed; ${ledger.confirmed} are`,
          () => failed !== undefined || ledger.confirmed >= at,
        )
        assert.ok(
          ledger.confirmed < MESSAGES,
          'all was confirmed before the broker was killed: this would show nothing',
        )
        await stage.fault('restartBroker')()
      }
      await publishing
      let progress = -1
      while (ledger.missing > 0) {
        progress = ledger.missing
        await stage.patience.until(
          () =>
            `what was confirmed to be handled; ${progress} missing: ${ledger.verdict().lost.slice(0, 10).join(' ')}`,
          () => ledger.missing < progress,
        )
      }
      const { lost, strangers } = ledger.verdict()
      assert.deepEqual([lost, strangers], [[], []])
    },
  ),

  clause('broker/publishers that it holds back wait, are told so, and go on', { faults: ['block'] }, async (stage) => {
    const [sender, receiver] = await stage.members(2)
    assert.ok(sender && receiver)
    const group = stage.group()
    const inbox = await receiver.subscribe(group)
    await sender.send(group.channel, 'before')
    const block = stage.fault('block')
    await block(true)
    let answered = 0
    let sending: Promise<void> = Promise.resolve()
    try {
      sending = sender.send(group.channel, 'held').then(() => void answered++)
      sending.catch(() => undefined) // awaited below
      await sender.reported('blocked')
      await stage.patience.pause(50)
      assert.equal(answered, 0, 'accepted while the broker takes nothing')
    } finally {
      await block(false)
    }
    await sender.reported('unblocked')
    await sending
    await inbox.delivered('held')
  }),
]
