import { strict as assert } from 'node:assert'
import { shardOf } from '../../message/shard.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import type { Decide } from '../inbox.ts'
import { Ledger } from '../ledger.ts'
import type { Member } from '../member.ts'
import { numbered, text } from '../message-of.ts'
import { keysOf, ownedBy, spread } from '../shards.ts'

const ordered: ClauseOptions = { needs: ['durableGroups', 'ordered'] }

export const shardClauses: readonly Clause[] = [
  clause('shard/a message goes to the shard of its key', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(4)
    const inbox = await member.subscribe(group)
    const keys = [...numbered('key', 20), 'ключ', '']
    for (const key of keys) await member.sendKeyed(group.channel, key, key)
    await inbox.arrived(keys.length)
    for (const { message, shard } of inbox.deliveries) assert.equal(shard, shardOf(message.key ?? '', 4), message.key)
  }),

  clause('shard/one member owns all, and says so', ordered, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(3)
    await member.subscribe(group)
    await spread(stage.patience, [member], group)
  }),

  clause('shard/are spread evenly over the members, each with one owner', ordered, async (stage) => {
    const members = await stage.members(3)
    const group = stage.orderedGroup(6)
    const inboxes = await Promise.all(members.map((member) => member.subscribe(group)))
    await spread(stage.patience, members, group)
    const keys = keysOf(6)
    for (const key of keys) await (members[0] ?? assert.fail()).sendKeyed(group.channel, key, ...numbered(`${key}/`, 5))
    await stage.patience.until('all 30 to come', () => inboxes.reduce((sum, each) => sum + each.texts.length, 0) >= 30)
    for (const [index, member] of members.entries()) {
      const seen = new Set((inboxes[index] ?? assert.fail()).deliveries.map((delivery) => delivery.shard))
      assert.deepEqual(seen, new Set(ownedBy(member, group)), 'a member receives of the shards it owns')
    }
  }),

  clause('shard/a member that joins takes its share, and order holds', ordered, async (stage) => {
    const [first, second, sender] = await stage.members(3)
    assert.ok(first && second && sender)
    const group = stage.orderedGroup(4)
    const ledger = new Ledger()
    const handle = (member: Member): Promise<unknown> =>
      member.subscribe(group, { prefetch: 4, decide: (delivery) => (ledger.handled(text(delivery)), 'ack') })
    await handle(first)
    await spread(stage.patience, [first], group)
    const keys = keysOf(4)
    for (let n = 1; n <= 30; n++) {
      if (n === 10) await handle(second)
      for (const key of keys) {
        ledger.sending(`${key}/${n}`, key)
        await sender.sendKeyed(group.channel, key, `${key}/${n}`)
        ledger.sent(`${key}/${n}`, 'accepted')
      }
    }
    await spread(stage.patience, [first, second], group)
    await stage.patience.until(
      () => `missing: ${ledger.verdict().lost.join(' ')}`,
      () => ledger.missing === 0,
    )
    assert.deepEqual(ledger.verdict().disorder, [])
  }),

  clause('shard/those of a member that leaves go to the others', ordered, async (stage) => {
    const [leaving, staying] = await stage.members(2)
    assert.ok(leaving && staying)
    const group = stage.orderedGroup(4)
    await leaving.subscribe(group)
    const inbox = await staying.subscribe(group)
    await spread(stage.patience, [leaving, staying], group)
    await leaving.close(1_000)
    await spread(stage.patience, [staying], group)
    const keys = keysOf(4)
    for (const key of keys) await staying.sendKeyed(group.channel, key, key)
    for (const key of keys) await inbox.delivered(key)
  }),

  clause('shard/those of a subscription that closes go to the others', ordered, async (stage) => {
    const [leaving, staying] = await stage.members(2)
    assert.ok(leaving && staying)
    const group = stage.orderedGroup(3)
    const before = await leaving.subscribe(group)
    const inbox = await staying.subscribe(group)
    await spread(stage.patience, [leaving, staying], group)
    await before.close(1_000)
    await spread(stage.patience, [staying], group)
    for (const key of keysOf(3)) await leaving.sendKeyed(group.channel, key, key)
    await inbox.arrived(3)
  }),

  clause(
    'shard/those of a member that crashes go to the others, what it held first',
    { ...ordered, faults: ['crash'] },
    async (stage) => {
      const [crashing, staying] = await stage.members(2)
      assert.ok(crashing && staying)
      const group = stage.orderedGroup(4)
      const held = await crashing.subscribe(group, { decide: () => 'hold' })
      const inbox = await staying.subscribe(group)
      await spread(stage.patience, [crashing, staying], group)
      const keys = keysOf(4)
      for (const key of keys) await staying.sendKeyed(group.channel, key, `${key}/1`, `${key}/2`)
      await held.arrived(2)
      await stage.fault('crash')(crashing.transport)
      for (const key of keys) await inbox.delivered(`${key}/2`)
      for (const key of keys) {
        const texts = inbox.deliveries.filter(({ message }) => message.key === key).map(text)
        assert.deepEqual([...new Set(texts)], [`${key}/1`, `${key}/2`])
      }
    },
  ),

  clause('shard/none is consumed by two members at once', ordered, async (stage) => {
    const members = await stage.members(2)
    const group = stage.orderedGroup(2)
    const inboxes = await Promise.all(
      members.map((member) => member.subscribe(group, { prefetch: 10, decide: () => 'hold' })),
    )
    const [key = ''] = keysOf(2)
    await (members[0] ?? assert.fail()).sendKeyed(group.channel, key, 'm1', 'm2')
    const at = (): number => inboxes.findIndex((inbox) => inbox.texts.length > 0)
    await stage.patience.until('the first message', () => at() !== -1)
    const owner = inboxes[at()] ?? assert.fail()
    await stage.patience.pause(100)
    assert.deepEqual(
      inboxes.flatMap((inbox) => inbox.texts),
      ['m1'],
    )
    owner.ack(await owner.delivered('m1'))
    await stage.patience.until('the second message', () => inboxes.some((inbox) => inbox.texts.includes('m2')))
  }),

  clause(
    'shard/members that come, leave and crash under load lose nothing and keep the order of keys',
    { needs: ['durableGroups', 'ordered', 'delayedRetry'], faults: ['crash'], long: true },
    async (stage) => {
      const sender = await stage.member()
      const group = stage.orderedGroup(6)
      await sender.declare(group)
      const ledger = new Ledger()
      const join = async (): Promise<Member> => {
        const member = await stage.member()
        const decide: Decide = (delivery) => {
          // Every seventh of a key fails twice, at once and after a while.
          const { attempt, sequence = 0 } = delivery.message
          if (sequence % 7 === 0 && attempt <= 2) return { retryMs: attempt === 1 ? 0 : 40 }
          ledger.handled(text(delivery))
          return 'ack'
        }
        await member.subscribe(group, { prefetch: 8, decide })
        return member
      }
      const leaving = await join()
      const crashing = await join()
      const keys = numbered('key', 12)
      for (let n = 1; n <= 60; n++) {
        for (const key of keys) ledger.sending(`${key}/${n}`, key)
        const batch = keys.map((key) => stage.message(group.channel, `${key}/${n}`, { key, sequence: n }))
        await sender.sendMessages(group.channel, ...batch)
        for (const key of keys) ledger.sent(`${key}/${n}`, 'accepted')
        if (n === 15 || n === 45) await join()
        if (n === 25) await leaving.close(1_000)
        if (n === 35) await stage.fault('crash')(crashing.transport)
        await stage.patience.pause(10)
      }
      await stage.patience.until(
        () => `all to be handled; missing: ${ledger.verdict().lost.slice(0, 20).join(' ')}`,
        () => ledger.missing === 0,
      )
      assert.deepEqual(ledger.verdict().disorder, [])
    },
  ),
]
