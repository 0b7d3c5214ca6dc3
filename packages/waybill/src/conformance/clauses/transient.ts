import { strict as assert } from 'node:assert'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import { numbered } from '../message-of.ts'

const transient: ClauseOptions = { needs: ['transientSubscriptions'] }

export const transientClauses: readonly Clause[] = [
  clause('transient/each instance receives each event, under one label too', transient, async (stage) => {
    const members = await stage.members(3)
    const group = stage.group()
    const inboxes = await Promise.all(members.map((member) => member.subscribe(group, { transient: true })))
    const texts = numbered('m', 10)
    await (await stage.member()).send(group.channel, ...texts)
    for (const inbox of inboxes) {
      await inbox.arrived(texts.length)
      assert.deepEqual([...inbox.texts].sort(), [...texts].sort())
    }
  }),

  clause('transient/starts now and leaves nothing behind', transient, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const first = await member.subscribe(group, { transient: true })
    await member.send(group.channel, 'm1')
    await first.delivered('m1')
    await first.close()
    await member.send(group.channel, 'm2')
    assert.equal((await member.inspect(group)).depth, 0, 'messages kept for a subscription that has gone')
    const second = await member.subscribe(group, { transient: true })
    await member.send(group.channel, 'm3')
    await second.delivered('m3')
    assert.deepEqual(second.texts, ['m3'])
  }),

  clause('transient/receives only the types it asks for', transient, async (stage) => {
    const member = await stage.member()
    const channel = stage.channel()
    const inbox = await member.subscribe(stage.group(channel, { types: [`${channel.name}.wanted`] }), {
      transient: true,
    })
    await member.sendMessages(
      channel,
      stage.message(channel, 'other', { type: `${channel.name}.other` }),
      stage.message(channel, 'wanted', { type: `${channel.name}.wanted` }),
    )
    await inbox.delivered('wanted')
    assert.deepEqual(inbox.texts, ['wanted'])
  }),

  clause(
    'transient/beside a durable group both receive',
    { needs: ['transientSubscriptions', 'durableGroups'] },
    async (stage) => {
      const member = await stage.member()
      const channel = stage.channel()
      const inboxes = [
        await member.subscribe(stage.group(channel)),
        await member.subscribe(stage.group(channel), { transient: true }),
      ]
      await member.send(channel, 'm1')
      for (const inbox of inboxes) await inbox.delivered('m1')
    },
  ),

  clause(
    'transient/reports a gap after its link was down, and goes on',
    { ...transient, faults: ['cut', 'heal'] },
    async (stage) => {
      const [receiver, sender] = [await stage.member(), await stage.member()]
      const group = stage.group()
      const inbox = await receiver.subscribe(group, { transient: true })
      await sender.send(group.channel, 'm1')
      await inbox.delivered('m1')
      await stage.fault('cut')(receiver.transport)
      await receiver.reported('disconnected')
      await sender.send(group.channel, 'm2')
      await stage.fault('heal')(receiver.transport)
      const gap = await receiver.reported('gap')
      assert.deepEqual([gap.channel, gap.group], [group.channel.name, group.name])
      // The gap opens when the link is lost, so that whoever waits for a reply learns it at once, and ends here.
      await receiver.reported('subscription-restored')
      await sender.send(group.channel, 'm3')
      await inbox.delivered('m3')
    },
  ),

  clause('transient/a durable group reports no gap', { faults: ['cut', 'heal'] }, async (stage) => {
    const [receiver, sender] = [await stage.member(), await stage.member()]
    const group = stage.group()
    const inbox = await receiver.subscribe(group)
    await stage.fault('cut')(receiver.transport)
    await receiver.reported('disconnected')
    await sender.send(group.channel, 'm1')
    await stage.fault('heal')(receiver.transport)
    await inbox.delivered('m1')
    assert.deepEqual(
      receiver.events.filter((event) => event.type === 'gap'),
      [],
    )
  }),
]
