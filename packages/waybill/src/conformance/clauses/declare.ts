import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import type { ChannelKind } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import { clause, type Clause } from '../clause.ts'
import { numbered } from '../message-of.ts'

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => error,
  )

export const declareClauses: readonly Clause[] = [
  clause('declare/is idempotent, at one member and at several, also at once', async (stage) => {
    const [one, other] = [await stage.member(), await stage.member()]
    const group = stage.group()
    await one.declare(group)
    await one.send(group.channel, 'm1')
    await Promise.all([
      one.declare(group),
      other.declare(group),
      other.declare(group),
      one.declareChannels(group.channel),
    ])
    const inbox = await other.subscribe(group)
    await inbox.delivered('m1')
  }),

  clause('declare/a group keeps what is sent before anybody subscribes', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.declare(group)
    await member.send(group.channel, ...numbered('m', 5))
    const inbox = await member.subscribe(group)
    await inbox.arrived(5)
    assert.deepEqual([...inbox.texts].sort(), numbered('m', 5))
  }),

  clause(
    'declare/an ordered group keeps what is sent before anybody subscribes',
    { needs: ['ordered'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(2)
      await member.declare(group)
      await member.sendKeyed(group.channel, 'a', 'a1', 'a2')
      await member.sendKeyed(group.channel, 'b', 'b1')
      const inbox = await member.subscribe(group)
      await inbox.arrived(3)
      assert.deepEqual([...inbox.texts].sort(), ['a1', 'a2', 'b1'])
    },
  ),

  ...(['more shards', 'fewer shards', 'no order'] as const).map((change) =>
    clause(
      `declare/an ordered group declared with ${change} is refused with WAYBILL_TOPOLOGY_CONFLICT, and goes on`,
      { needs: ['durableGroups', 'ordered'] },
      async (stage) => {
        const [one, other] = [await stage.member(), await stage.member()]
        const group = stage.orderedGroup(3)
        const inbox = await one.subscribe(group)
        const shards = change === 'more shards' ? 5 : change === 'fewer shards' ? 2 : 3
        const unequal: Group = { ...group, channel: { ...group.channel, shards }, ordered: change !== 'no order' }
        for (const [how, attempt] of [
          ['declare', () => other.transport.declare({ channels: [unequal.channel], groups: [unequal] })],
          ['subscribe', () => other.transport.subscribe({ group: unequal, transient: false, prefetch: 1 }, () => {})],
        ] as const) {
          const outcome = await stage.patience.within(`${how}() with ${change}`, rejection(attempt()))
          assert.ok(isWaybillError(outcome, 'WAYBILL_TOPOLOGY_CONFLICT'), `${how}() with ${change}: ${String(outcome)}`)
        }
        for (const key of numbered('key', 6)) await one.sendKeyed(group.channel, key, key)
        await inbox.arrived(6)
        assert.equal(new Set(inbox.texts).size, 6)
      },
    ),
  ),

  ...(['command', 'query', 'document'] as const).map((kind) =>
    clause(`declare/a second owner of one ${kind} is refused with WAYBILL_COMMAND_CLAIMED`, async (stage) => {
      const [one, other] = [await stage.member(), await stage.member()]
      const channel = stage.channel(kind)
      const owner = stage.group(channel, { name: 'billing' })
      const rival = stage.group(channel, { name: 'shipping' })
      const inbox = await one.subscribe(owner)
      for (const [how, attempt] of [
        ['declare', () => other.transport.declare({ channels: [channel], groups: [rival] })],
        ['subscribe', () => other.transport.subscribe({ group: rival, transient: false, prefetch: 1 }, () => {})],
      ] as const) {
        const outcome = await stage.patience.within(`${how}() by a second owner`, rejection(attempt()))
        assert.ok(isWaybillError(outcome, 'WAYBILL_COMMAND_CLAIMED'), `${how}() by a second owner: ${String(outcome)}`)
      }
      await other.send(channel, 'm1')
      await inbox.delivered('m1')
    }),
  ),

  clause('declare/the owner of a command may declare and subscribe again, from elsewhere', async (stage) => {
    const [one, other] = [await stage.member(), await stage.member()]
    const group = stage.group(stage.channel('command'), { name: 'billing' })
    await one.declare(group)
    await other.declare(group)
    const inbox = await other.subscribe(group)
    await one.send(group.channel, 'm1')
    await inbox.delivered('m1')
  }),

  clause('declare/of two owners at once exactly one is let in', async (stage) => {
    const members = await stage.members(2)
    const channel = stage.channel('command')
    const outcomes = await Promise.all(
      members.map((member, index) =>
        rejection(member.declare(stage.group(channel, { name: index === 0 ? 'billing' : 'shipping' }))),
      ),
    )
    assert.equal(outcomes.filter((outcome) => outcome === 'resolved').length, 1, `outcomes: ${outcomes.join('; ')}`)
    const refused = outcomes.filter((outcome) => isWaybillError(outcome, 'WAYBILL_COMMAND_CLAIMED'))
    assert.equal(refused.length, 1, `outcomes: ${outcomes.join('; ')}`)
  }),

  clause('declare/a command declared by its sender waits for its owner', async (stage) => {
    const [sender, owner] = [await stage.member(), await stage.member()]
    const kind: ChannelKind = 'command'
    const group = stage.group(stage.channel(kind), { name: 'billing' })
    await sender.declareChannels(group.channel)
    await sender.send(group.channel, 'm1')
    const inbox = await owner.subscribe(group)
    await inbox.delivered('m1')
  }),
]
