import { strict as assert } from 'node:assert'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import type { Inbox } from '../inbox.ts'
import { numbered, text } from '../message-of.ts'
import { timesPutOff } from '../../message/failure.ts'
import { Ledger } from '../ledger.ts'
import type { Delivery } from '../../transport/transport.ts'

const ordered: ClauseOptions = { needs: ['durableGroups', 'ordered'] }
const orderedAndDelayed: ClauseOptions = { needs: ['durableGroups', 'ordered', 'delayedRetry'] }

/** Texts of the deliveries of one key, in the order in which they came. */
function ofKey(inbox: Inbox, key: string): readonly string[] {
  return inbox.deliveries.filter(({ message }) => message.key === key).map(text)
}

const isFirst = ({ message }: Delivery): boolean => message.attempt === 1

export const orderClauses: readonly Clause[] = [
  clause('order/messages of a key come in the order of sending, keys side by side', ordered, async (stage) => {
    const [sender, receiver] = [await stage.member(), await stage.member()]
    const group = stage.orderedGroup(4)
    await receiver.declare(group)
    const keys = numbered('key', 10)
    for (let n = 1; n <= 20; n++)
      await sender.sendMessages(
        group.channel,
        ...keys.map((key) => stage.message(group.channel, `${key}/${n}`, { key })),
      )
    // All are there, so an engine that keeps no order has several of a key at hand at once.
    const inbox = await receiver.subscribe(group, {
      prefetch: 20,
      decide: (delivery, self) => {
        stage.runtime.setTimer(1, () => self.ack(delivery))
        return 'hold'
      },
    })
    await inbox.arrived(200)
    for (const key of keys) assert.deepEqual(ofKey(inbox, key), numbered(`${key}/`, 20))
    assert.deepEqual(inbox.overlaps, [], 'two of one key were unsettled at once')
  }),

  clause('order/at most one message of a key is unsettled, however large the prefetch', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(2)
    const inbox = await member.subscribe(group, { prefetch: 50, decide: () => 'hold' })
    for (const key of ['a', 'b', 'c']) await member.sendKeyed(group.channel, key, ...numbered(key, 3))
    await inbox.arrived(3)
    assert.deepEqual([...inbox.texts].sort(), ['a1', 'b1', 'c1'])
    inbox.ack(await inbox.delivered('b1'))
    await inbox.delivered('b2')
    assert.deepEqual([...inbox.texts].sort(), ['a1', 'b1', 'b2', 'c1'])
    assert.deepEqual(inbox.overlaps, [])
  }),

  clause('order/a key that is slow does not stop the others of its shard', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(1)
    const inbox = await member.subscribe(group, {
      prefetch: 10,
      decide: ({ message }) => (message.key === 'slow' ? 'hold' : 'ack'),
    })
    await member.sendKeyed(group.channel, 'slow', 'slow1')
    await member.sendKeyed(group.channel, 'quick', ...numbered('quick', 5))
    await inbox.delivered('quick5')
    assert.deepEqual(ofKey(inbox, 'quick'), numbered('quick', 5))
  }),

  clause('order/a failing key holds back its successors, also for an immediate retry', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(1)
    const inbox = await member.subscribe(group, {
      prefetch: 10,
      decide: (delivery) => (text(delivery) === 'a1' && delivery.message.attempt <= 3 ? { retryMs: 0 } : 'ack'),
    })
    await member.sendKeyed(group.channel, 'a', 'a1', 'a2', 'a3')
    await inbox.delivered('a3')
    assert.deepEqual(inbox.texts, ['a1', 'a1', 'a1', 'a1', 'a2', 'a3'])
  }),

  clause(
    'order/while one key waits for its retry the others run on, and its successors wait',
    orderedAndDelayed,
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(1)
      const inbox = await member.subscribe(group, {
        prefetch: 4,
        decide: (delivery) => (text(delivery) === 'a1' && isFirst(delivery) ? { retryMs: 600 } : 'ack'),
      })
      await member.sendKeyed(group.channel, 'a', ...numbered('a', 6))
      await member.sendKeyed(group.channel, 'b', ...numbered('b', 6))
      await inbox.delivered('b6')
      assert.deepEqual(ofKey(inbox, 'a'), ['a1'], 'what came of the failing key before its retry was due')
      await inbox.delivered('a6')
      assert.deepEqual(ofKey(inbox, 'a'), ['a1', ...numbered('a', 6)])
      assert.deepEqual(inbox.overlaps, [])
    },
  ),

  clause(
    'order/what is put off again and again keeps its place, and lets other keys pass',
    orderedAndDelayed,
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(1)
      const inbox = await member.subscribe(group, {
        prefetch: 10,
        decide: ({ message }) => (message.key === 'a' && timesPutOff(message.headers) < 3 ? { putOffMs: 30 } : 'ack'),
      })
      await member.sendKeyed(group.channel, 'a', 'a1', 'a2')
      await member.sendKeyed(group.channel, 'b', ...numbered('b', 3))
      await inbox.delivered('a2', 4)
      assert.deepEqual(ofKey(inbox, 'a'), ['a1', 'a1', 'a1', 'a1', 'a2', 'a2', 'a2', 'a2'])
      assert.deepEqual(new Set(inbox.deliveries.map(({ message }) => message.attempt)), new Set([1]))
      const counted = inbox.deliveries.filter(({ deliveryCount = 1 }) => deliveryCount > 1)
      assert.equal(counted.length, 0, 'being put off counts as a delivery without settlement')
      await inbox.delivered('b3')
      await member.sees(group, { depth: 0, deadLetters: 0 })
    },
  ),

  clause('order/once a key is dead-lettered its successors go on', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(1)
    const inbox = await member.subscribe(group, {
      decide: (delivery) => {
        if (text(delivery) !== 'a1') return 'ack'
        return delivery.message.attempt < 3 ? { retryMs: 10 } : { reject: 'failed' }
      },
    })
    await member.sendKeyed(group.channel, 'a', 'a1', 'a2', 'a3')
    await inbox.delivered('a3')
    assert.deepEqual(inbox.texts, ['a1', 'a1', 'a1', 'a2', 'a3'])
    await member.sees(group, { depth: 0, deadLetters: 1 })
  }),

  clause('order/successors that fail in their turn keep their place', orderedAndDelayed, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(2)
    const done: string[] = []
    const inbox = await member.subscribe(group, {
      prefetch: 10,
      decide: (delivery) => {
        if (isFirst(delivery)) return { retryMs: 40 }
        done.push(text(delivery))
        return 'ack'
      },
    })
    await member.sendKeyed(group.channel, 'a', ...numbered('a', 5))
    await inbox.arrived(10)
    assert.deepEqual(done, numbered('a', 5))
    assert.deepEqual(inbox.overlaps, [])
  }),

  clause('order/holds for thirty keys that fail at random', orderedAndDelayed, async (stage) => {
    const members = await stage.members(2)
    const group = stage.orderedGroup(4)
    const ledger = new Ledger()
    for (const member of members)
      await member.subscribe(group, {
        prefetch: 16,
        decide: (delivery) => {
          const fails = (text(delivery).length * 7 + text(delivery).charCodeAt(text(delivery).length - 1)) % 3
          if (delivery.message.attempt <= fails) return { retryMs: delivery.message.attempt === 1 ? 0 : 30 }
          ledger.handled(text(delivery))
          return 'ack'
        },
      })
    const sender = await stage.member()
    const keys = numbered('key', 30)
    for (let n = 1; n <= 10; n++) {
      const texts = keys.map((key) => [key, `${key}/${n}`] as const)
      for (const [key, id] of texts) ledger.sending(id, key)
      await sender.sendMessages(group.channel, ...texts.map(([key, id]) => stage.message(group.channel, id, { key })))
      for (const [, id] of texts) ledger.sent(id, 'accepted')
    }
    await stage.patience.until(
      () => `all to be handled; missing: ${ledger.verdict().lost.join(' ')}`,
      () => ledger.missing === 0,
    )
    assert.deepEqual(ledger.verdict().disorder, [])
  }),

  clause(
    'order/a new owner keeps the order when the old one closes while a key waits for its retry',
    orderedAndDelayed,
    async (stage) => {
      const [leaving, staying] = [await stage.member(), await stage.member()]
      const group = stage.orderedGroup(1)
      const before = await leaving.subscribe(group, {
        decide: (delivery) => (text(delivery) === 'a1' ? { retryMs: 800 } : 'ack'),
      })
      await staying.sendKeyed(group.channel, 'a', ...numbered('a', 4))
      await staying.sendKeyed(group.channel, 'b', 'b1')
      await before.delivered('b1')
      await leaving.close(1_000)
      const inbox = await staying.subscribe(group)
      await inbox.delivered('a4')
      assert.deepEqual(ofKey(inbox, 'a'), numbered('a', 4))
      assert.equal((await inbox.delivered('a1')).message.attempt, 2)
    },
  ),

  clause(
    'order/a new owner keeps the order when the old one crashes in the middle of retries',
    { ...orderedAndDelayed, faults: ['crash'] },
    async (stage) => {
      const [crashing, staying] = [await stage.member(), await stage.member()]
      const group = stage.orderedGroup(1)
      const before = await crashing.subscribe(group, {
        decide: (delivery) =>
          text(delivery) === 'a1' ? { retryMs: 700 } : delivery.message.key === 'c' ? 'hold' : 'ack',
      })
      await staying.sendKeyed(group.channel, 'a', ...numbered('a', 4))
      await staying.sendKeyed(group.channel, 'c', 'c1', 'c2')
      await staying.sendKeyed(group.channel, 'b', 'b1')
      await before.delivered('b1')
      await before.delivered('c1')
      const inbox = await staying.subscribe(group)
      await stage.fault('crash')(crashing.transport)
      await inbox.delivered('a4')
      await inbox.delivered('c2')
      const firsts = (key: string): readonly string[] => [...new Set(ofKey(inbox, key))]
      assert.deepEqual(firsts('a'), numbered('a', 4))
      assert.deepEqual(firsts('c'), ['c1', 'c2'])
    },
  ),

  clause('order/a new owner keeps the order, however many the owners before it held', ordered, async (stage) => {
    const [sender, large, small, last] = await stage.members(4)
    assert.ok(sender && large && small && last)
    const group = stage.orderedGroup(1)
    await sender.declare(group)
    await sender.sendKeyed(group.channel, 'a', ...numbered('a', 100))
    for (const [member, prefetch] of [[large, 100], [small, 1]] as const) {
      const held = await member.subscribe(group, { prefetch, decide: () => 'hold' })
      await held.delivered('a1')
      // Behind the first of the key it takes as many as it has room for.
      await stage.patience.pause(300)
      await member.close()
    } // prettier-ignore
    const inbox = await last.subscribe(group)
    await inbox.arrived(100)
    assert.deepEqual(inbox.texts, numbered('a', 100))
    assert.deepEqual(inbox.overlaps, [])
  }),

  clause('order/messages without a key come one after the other', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(3)
    const inbox = await member.subscribe(group, { prefetch: 1 })
    await member.send(group.channel, ...numbered('m', 20))
    await inbox.arrived(20)
    assert.deepEqual(inbox.texts, numbered('m', 20))
    for (const { shard } of inbox.deliveries) assert.equal(shard, 0)
  }),

  clause('order/an ordered command keeps the order of its keys', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command', 2), { ordered: true })
    const inbox = await member.subscribe(group, { decide: (delivery) => (isFirst(delivery) ? { retryMs: 0 } : 'ack') })
    for (const key of ['a', 'b', 'c']) await member.sendKeyed(group.channel, key, ...numbered(key, 3))
    await inbox.arrived(18)
    for (const key of ['a', 'b', 'c'])
      assert.deepEqual(
        ofKey(inbox, key),
        numbered(key, 3).flatMap((each) => [each, each]),
      )
  }),
]
