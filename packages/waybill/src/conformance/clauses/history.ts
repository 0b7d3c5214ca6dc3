import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import { shardOf } from '../../message/shard.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Delivery } from '../../transport/transport.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import type { Member } from '../member.ts'
import { numbered, text } from '../message-of.ts'

const replay: ClauseOptions = { needs: ['replay'] }
const KEYS: readonly string[] = numbered('key', 8)

/** Sends `count` messages of each key, `key1/1` the first; all of them are in the channel afterwards. */
async function fill(member: Member, channel: Channel, count: number): Promise<readonly string[]> {
  await member.declareChannels(channel)
  const sent: string[] = []
  for (const part of numbered('', count))
    for (const key of KEYS) {
      await member.sendKeyed(channel, key, `${key}/${part}`)
      sent.push(`${key}/${part}`)
    }
  return sent
}

/** What of the keys of one shard was sent, in order. */
function ofShard(sent: readonly string[], shard: number, shards: number): readonly string[] {
  return sent.filter((each) => shardOf(each.split('/')[0] ?? '', shards) === shard)
}

function textsOf(deliveries: readonly Delivery[], shard: number): readonly string[] {
  return deliveries.filter((delivery) => delivery.shard === shard).map(text)
}

export const historyClauses: readonly Clause[] = [
  clause('history/a reader that begins at the earliest is handed all that is kept, in order', replay, async (stage) => {
    const member = await stage.member()
    const channel = stage.history(3)
    const sent = await fill(member, channel, 3)
    const inbox = await member.subscribe(stage.group(channel), { transient: true, start: 'earliest' })
    await member.sendKeyed(channel, 'key1', 'key1/4')
    await inbox.delivered('key1/4')
    await inbox.arrived(sent.length + 1)
    for (const shard of [0, 1, 2])
      assert.deepEqual(textsOf(inbox.deliveries, shard), ofShard([...sent, 'key1/4'], shard, 3))
  }),

  clause('history/what was handled is kept, and readers do not disturb the groups', replay, async (stage) => {
    const member = await stage.member()
    const channel = stage.history()
    await member.declareChannels(channel)
    const group = stage.group(channel)
    const handled = await member.subscribe(group)
    await member.send(channel, 'm1', 'm2')
    await handled.arrived(2)
    await handled.close(1_000)
    const readers = stage.group(channel)
    for (const _ of [1, 2]) {
      const inbox = await member.subscribe(readers, { transient: true, start: 'earliest' })
      await inbox.arrived(2)
      assert.deepEqual(inbox.texts, ['m1', 'm2'])
      await inbox.close()
    }
    await member.send(channel, 'm3')
    const again = await member.subscribe(group)
    await again.delivered('m3')
    assert.deepEqual(again.texts, ['m3'])
  }),

  clause('history/a reader that begins at a time is handed what was sent since', replay, async (stage) => {
    const member = await stage.member()
    const channel = stage.history()
    await member.declareChannels(channel)
    await member.send(channel, 'too early')
    await stage.patience.pause(50)
    const time = stage.runtime.now()
    await stage.patience.pause(50)
    await member.send(channel, 'since')
    const inbox = await member.subscribe(stage.group(channel), { transient: true, start: { time } })
    await member.send(channel, 'later')
    await inbox.arrived(2)
    assert.deepEqual(inbox.texts, ['since', 'later'])
  }),

  clause('history/each delivery tells its position, behind which another reader goes on', replay, async (stage) => {
    const member = await stage.member()
    const channel = stage.history(3)
    const sent = await fill(member, channel, 4)
    const group = stage.group(channel)
    const first = await member.subscribe(group, { transient: true, start: 'earliest' })
    await first.arrived(sent.length)
    await first.close()
    const half: Record<number, string> = {}
    const rest: string[][] = [[], [], []]
    for (const shard of [0, 1, 2]) {
      const deliveries = first.deliveries.filter((delivery) => delivery.shard === shard)
      const middle = deliveries.length >> 1
      half[shard] = deliveries[middle]?.position ?? assert.fail(`a delivery of shard ${shard} without position`)
      rest[shard]?.push(...deliveries.slice(middle + 1).map(text))
    }
    const second = await member.subscribe(group, { transient: true, start: { positions: half } })
    await member.sendKeyed(channel, 'key1', 'last')
    await second.delivered('last')
    await second.arrived(rest.flat().length + 1)
    for (const shard of [0, 1, 2])
      assert.deepEqual(
        textsOf(second.deliveries, shard).filter((each) => each !== 'last'),
        rest[shard],
      )
  }),

  clause('history/a reader of named shards is handed those alone', replay, async (stage) => {
    const member = await stage.member()
    const channel = stage.history(4)
    const sent = await fill(member, channel, 2)
    const wanted = [...new Set(KEYS.map((key) => shardOf(key, 4)))].slice(0, 2)
    const all = wanted.flatMap((shard) => ofShard(sent, shard, 4))
    const inbox = await member.subscribe(stage.group(channel), { transient: true, start: 'earliest', shards: wanted })
    await inbox.arrived(all.length)
    const live = await member.subscribe(stage.group(channel), { transient: true, shards: wanted })
    for (const key of KEYS) await member.sendKeyed(channel, key, `${key}/live`)
    const livelong = KEYS.filter((key) => wanted.includes(shardOf(key, 4))).map((key) => `${key}/live`)
    for (const each of livelong) {
      await live.delivered(each)
      await inbox.delivered(each)
    }
    assert.deepEqual([...inbox.texts].sort(), [...all, ...livelong].sort())
    assert.deepEqual([...live.texts].sort(), [...livelong].sort())
  }),

  clause('history/a position that is not there is an error, never a silent start elsewhere', replay, async (stage) => {
    const member = await stage.member()
    const [long, short] = [stage.history(), stage.history()]
    await member.declareChannels(long, short)
    await member.send(long, ...numbered('m', 20))
    await member.send(short, 'only')
    const inbox = await member.subscribe(stage.group(long), { transient: true, start: 'earliest' })
    const { position } = (await inbox.arrived(20))[19] ?? assert.fail()
    const start = { positions: { 0: position ?? assert.fail('a delivery without position') } }
    await assert.rejects(member.subscribe(stage.group(short), { transient: true, start }), (error) =>
      isWaybillError(error, 'WAYBILL_POSITION_GONE'),
    )
    if (member.facts.capabilities.startEarliest === 'refused') return
    await assert.rejects(member.subscribe(stage.group(short), { start }), (error) =>
      isWaybillError(error, 'WAYBILL_POSITION_GONE'),
    )
  }),

  clause(
    'history/a group begins behind the positions it is given, once',
    { needs: ['replay', 'startEarliest'] },
    async (stage) => {
      const member = await stage.member()
      const channel = stage.history()
      await member.declareChannels(channel)
      await member.send(channel, ...numbered('m', 4))
      const reader = await member.subscribe(stage.group(channel), { transient: true, start: 'earliest' })
      const { position } = (await reader.arrived(4))[1] ?? assert.fail()
      const start = { positions: { 0: position ?? assert.fail('a delivery without position') } }
      const group = stage.group(channel)
      const inbox = await member.subscribe(group, { start })
      await inbox.arrived(2)
      assert.deepEqual(inbox.texts, ['m3', 'm4'])
      await inbox.close(1_000)
      await member.send(channel, 'm5')
      const again = await member.subscribe(group, { start })
      await again.delivered('m5')
      assert.deepEqual(again.texts, ['m5'])
    },
  ),

  clause(
    'history/a reader that has begun in the past goes on where it was after its link was down',
    { ...replay, faults: ['cut', 'heal'] },
    async (stage) => {
      const [receiver, sender] = await stage.members(2)
      assert.ok(receiver && sender)
      const channel = stage.history()
      await sender.declareChannels(channel)
      await sender.send(channel, 'm1', 'm2')
      const inbox = await receiver.subscribe(stage.group(channel), { transient: true, start: 'earliest' })
      await inbox.arrived(2)
      await stage.fault('cut')(receiver.transport)
      await receiver.reported('disconnected')
      await sender.send(channel, 'm3')
      await stage.fault('heal')(receiver.transport)
      await sender.send(channel, 'm4')
      await inbox.delivered('m4')
      assert.deepEqual(inbox.texts, ['m1', 'm2', 'm3', 'm4'])
      assert.ok(!receiver.events.some(({ type }) => type === 'gap'), 'a gap, though nothing was missed')
    },
  ),
]
