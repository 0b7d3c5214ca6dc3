import { strict as assert } from 'node:assert'
import type { Delivery, Group } from '../../transport/transport.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import type { Inbox } from '../inbox.ts'
import type { Member } from '../member.ts'
import { text } from '../message-of.ts'
import { drillShards } from '../shard-drill.ts'
import type { Stage } from '../stage.ts'

const fenced: ClauseOptions = { needs: ['durableGroups', 'ordered', 'fencing'] }

const tokenOf = ({ message, fencing }: Delivery): number =>
  fencing ?? assert.fail(`${new TextDecoder().decode(message.body)} has no fencing token`)

/** The token that the owner of now hands a new message out with. */
async function token(sender: Member, group: Group, inbox: Inbox, name: string): Promise<number> {
  await sender.sendKeyed(group.channel, 'a', name)
  return tokenOf(await inbox.delivered(name))
}

/** A member holds a message and is lost by a fault; its successor is handed it with a larger token. */
async function succeeded(stage: Stage, lose: (former: Member) => Promise<void>): Promise<void> {
  const [former, next] = await stage.members(2)
  assert.ok(former && next)
  const group = stage.orderedGroup(1)
  const held = await former.subscribe(group, { decide: () => 'hold' })
  await next.sendKeyed(group.channel, 'a', 'a1')
  const before = tokenOf(await held.delivered('a1'))
  await lose(former)
  const inbox = await next.subscribe(group)
  const after = tokenOf(await inbox.delivered('a1'))
  assert.ok(after > before, `its successor has token ${after}, and the former owner had ${before}`)
}

export const fencingClauses: readonly Clause[] = [
  clause(
    'fencing/every delivery of an owner has the same token, on an ordered subscription alone',
    fenced,
    async (stage) => {
      const member = await stage.member()
      const [ordered, plain] = [stage.orderedGroup(2), stage.group()]
      const inbox = await member.subscribe(ordered, {
        decide: ({ message }) => (message.attempt === 1 ? { retryMs: 0 } : 'ack'),
      })
      const other = await member.subscribe(plain)
      for (const key of ['a', 'b', 'c', 'd']) await member.sendKeyed(ordered.channel, key, `${key}1`, `${key}2`)
      await inbox.arrived(16)
      for (const shard of [0, 1]) {
        const tokens = inbox.deliveries.filter((each) => each.shard === shard).map(tokenOf)
        assert.ok(
          tokens.every((each) => Number.isSafeInteger(each) && each > 0),
          `tokens of shard ${shard}: ${tokens.join(' ')}`,
        )
        assert.ok(new Set(tokens).size <= 1, `shard ${shard} has one owner, and tokens ${tokens.join(' ')}`)
      }
      await member.send(plain.channel, 'm1')
      assert.equal((await other.delivered('m1')).fencing, undefined)
    },
  ),

  clause('fencing/the token grows with each owner, also with one that comes back', fenced, async (stage) => {
    const [one, two, sender] = await stage.members(3)
    assert.ok(one && two && sender)
    const group = stage.orderedGroup(1)
    const tokens: number[] = []
    for (const [n, member] of [one, two, one, two].entries()) {
      const inbox = await member.subscribe(group)
      tokens.push(await token(sender, group, inbox, `m${n}`))
      await inbox.close(1_000)
    }
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].toSorted((a, b) => a - b),
      'tokens in the order of their owners',
    )
  }),

  clause('fencing/the token grows when a shard moves to a member that joins', fenced, async (stage) => {
    const [one, two] = await stage.members(2)
    assert.ok(one && two)
    const group = stage.orderedGroup(2)
    const first = await one.subscribe(group)
    const before = new Map<number, number>()
    for (const key of ['a', 'b', 'c', 'd']) {
      await one.sendKeyed(group.channel, key, key)
      const delivery = await first.delivered(key)
      before.set(delivery.shard, tokenOf(delivery))
    }
    const second = await two.subscribe(group)
    await two.reported('shard-assigned')
    for (const key of ['a', 'b', 'c', 'd']) await one.sendKeyed(group.channel, key, `${key}2`)
    await stage.patience.until('the new member to be handed one', () => second.deliveries.length > 0)
    const [moved] = second.deliveries
    assert.ok(moved)
    const former = before.get(moved.shard) ?? assert.fail(`nothing came of shard ${moved.shard} before`)
    assert.ok(tokenOf(moved) > former, `${text(moved)} has token ${moved.fencing}, the former owner had ${former}`)
  }),

  clause('fencing/the token grows when an owner crashes', { ...fenced, faults: ['crash'] }, (stage) =>
    succeeded(stage, (former) => stage.fault('crash')(former.transport)),
  ),

  clause(
    'fencing/the token grows when an owner stalls, which does not know it',
    { ...fenced, faults: ['stall'], long: true },
    (stage) => succeeded(stage, (former) => stage.fault('stall')(former.transport)),
  ),

  clause(
    'fencing/tokens go on growing after the broker was killed',
    { ...fenced, faults: ['restartBroker'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(1)
      const inbox = await member.subscribe(group)
      const before = await token(member, group, inbox, 'm1')
      await stage.fault('restartBroker')()
      await member.reported('disconnected')
      await member.reported('subscription-restored')
      const after = await token(member, group, inbox, 'm2')
      assert.ok(after > before, `token ${after} after ${before}`)
    },
  ),

  clause(
    'fencing/12 shards over 1, 4 and 2 members under load, one stalled, one crashed: writes of two owners never interleave',
    { ...fenced, faults: ['stall', 'heal', 'crash'], long: true },
    async (stage) => {
      const { faults, refused, moves } = await drillShards(stage)
      assert.deepEqual(faults, [])
      assert.ok(refused > 0, 'the stalled member wrote nothing late: this would show nothing')
      assert.deepEqual(
        moves.map(({ shards }) => shards > 0),
        moves.map(() => true),
        'every step moves shards',
      )
    },
  ),
]
