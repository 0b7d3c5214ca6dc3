import { strict as assert } from 'node:assert'
import { clause, type Clause } from '../clause.ts'
import { numbered } from '../message-of.ts'

// Time in which an engine that ignores the prefetch would have sent more: absence has no other witness here.
const TEMPTATION_MS = 150

export const flowClauses: readonly Clause[] = [
  ...[1, 7].map((prefetch) =>
    clause(`flow/at most ${prefetch} of prefetch ${prefetch} are unsettled, and all come`, async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, { prefetch, decide: () => 'hold' })
      await member.send(group.channel, ...numbered('m', 40))
      for (let settled = 0; settled < 40; settled++) {
        await inbox.arrived(Math.min(40, settled + prefetch))
        if (settled === 0) await stage.patience.pause(TEMPTATION_MS)
        const [first] = inbox.unsettled
        inbox.ack(first ?? assert.fail('nothing is unsettled'))
      }
      assert.equal(inbox.mostUnsettled, prefetch)
      assert.equal(new Set(inbox.texts).size, 40)
    }),
  ),

  clause('flow/the prefetch holds for all shards together', { needs: ['durableGroups', 'ordered'] }, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(4)
    const inbox = await member.subscribe(group, { prefetch: 3, decide: () => 'hold' })
    const keys = numbered('key', 20)
    for (const key of keys) await member.sendKeyed(group.channel, key, key)
    await inbox.arrived(3)
    await stage.patience.pause(TEMPTATION_MS)
    for (let settled = 0; settled < keys.length; settled++) {
      await inbox.arrived(settled + 1)
      await stage.patience.until('a delivery to settle', () => inbox.unsettled.size > 0)
      const [first] = inbox.unsettled
      inbox.ack(first ?? assert.fail('nothing is unsettled'))
    }
    assert.ok(inbox.mostUnsettled <= 3, `${inbox.mostUnsettled} were unsettled`)
  }),

  clause(
    'flow/raised while running hands out more at once',
    { needs: ['durableGroups', 'liveFlow'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, { prefetch: 2, decide: () => 'hold' })
      await member.send(group.channel, ...numbered('m', 20))
      await inbox.arrived(2)
      inbox.subscription.flow(10)
      await inbox.arrived(10)
      await stage.patience.pause(TEMPTATION_MS)
      assert.equal(inbox.deliveries.length, 10)
    },
  ),

  clause(
    'flow/lowered while running holds for what comes afterwards',
    { needs: ['durableGroups', 'liveFlow'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, { prefetch: 10, decide: () => 'hold' })
      await member.send(group.channel, ...numbered('m', 40))
      await inbox.arrived(10)
      inbox.subscription.flow(2)
      await member.sees(group, { consumers: 1 })
      inbox.ack(...inbox.deliveries.slice(0, 9))
      await inbox.arrived(11)
      await stage.patience.pause(TEMPTATION_MS)
      assert.equal(inbox.unsettled.size, 2)
      inbox.ack(...inbox.unsettled)
      await inbox.arrived(13)
      await stage.patience.pause(TEMPTATION_MS)
      assert.equal(inbox.unsettled.size, 2)
    },
  ),

  clause('flow/a member that settles nothing leaves the rest to the others', async (stage) => {
    const [stuck, working] = await stage.members(2)
    assert.ok(stuck && working)
    const group = stage.group()
    const held = await stuck.subscribe(group, { prefetch: 3, decide: () => 'hold' })
    const inbox = await working.subscribe(group, { prefetch: 10 })
    await working.send(group.channel, ...numbered('m', 100))
    await held.arrived(3)
    await inbox.arrived(97)
    assert.equal(held.deliveries.length, 3)
    assert.equal(new Set([...held.texts, ...inbox.texts]).size, 100)
  }),
]
