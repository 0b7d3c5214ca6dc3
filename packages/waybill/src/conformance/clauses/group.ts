import { strict as assert } from 'node:assert'
import { clause, type Clause } from '../clause.ts'
import { numbered } from '../message-of.ts'

export const groupClauses: readonly Clause[] = [
  clause('group/every group receives each event, the members of one share them', async (stage) => {
    const [one, two, sender] = [await stage.member(), await stage.member(), await stage.member()]
    const channel = stage.channel()
    const shared = stage.group(channel)
    const alone = stage.group(channel)
    const inboxes = [await one.subscribe(shared), await two.subscribe(shared)]
    const whole = await two.subscribe(alone)
    const texts = numbered('m', 40)
    await sender.send(channel, ...texts)
    await whole.arrived(texts.length)
    await stage.patience.until('the shared group to have received all', () => {
      return inboxes.reduce((sum, inbox) => sum + inbox.texts.length, 0) >= texts.length
    })
    assert.deepEqual([...whole.texts].sort(), [...texts].sort())
    assert.deepEqual(inboxes.flatMap((inbox) => inbox.texts).sort(), [...texts].sort())
  }),

  clause('group/competing members each get some, and no message is handed to two', async (stage) => {
    const members = await stage.members(3)
    const sender = await stage.member()
    const group = stage.group()
    const inboxes = await Promise.all(
      members.map((member) => member.subscribe(group, { prefetch: 2, decide: () => 'hold' })),
    )
    await sender.send(group.channel, ...numbered('m', 6))
    await stage.patience.until(
      () => `2 deliveries at each member; there were ${inboxes.map((inbox) => inbox.texts.length).join(' ')}`,
      () => inboxes.every((inbox) => inbox.texts.length === 2),
    )
    assert.equal(new Set(inboxes.flatMap((inbox) => inbox.texts)).size, 6)
    for (const inbox of inboxes) inbox.ack(...inbox.deliveries)
    await sender.declare(group)
    await sender.sees(group, { depth: 0 })
  }),

  clause('group/what is sent right after subscribe() resolves is not missed', async (stage) => {
    const [receiver, sender] = [await stage.member(), await stage.member()]
    const channel = stage.channel()
    await sender.send(channel, 'before')
    for (let round = 1; round <= 10; round++) {
      const inbox = await receiver.subscribe(stage.group(channel))
      await sender.send(channel, `m${round}`)
      await inbox.delivered(`m${round}`)
      await inbox.close()
    }
  }),

  clause('group/a new one starts now', async (stage) => {
    const member = await stage.member()
    const channel = stage.channel()
    await member.send(channel, 'earlier')
    const inbox = await member.subscribe(stage.group(channel))
    await member.send(channel, 'later')
    await inbox.delivered('later')
    assert.deepEqual(inbox.texts, ['later'])
  }),

  clause(
    'group/one that starts at the earliest receives what is still kept',
    { needs: ['startEarliest'] },
    async (stage) => {
      const member = await stage.member()
      const channel = stage.history()
      await member.declareChannels(channel)
      await member.send(channel, 'earlier')
      const inbox = await member.subscribe(stage.group(channel), { start: 'earliest' })
      await member.send(channel, 'later')
      await inbox.arrived(2)
      assert.deepEqual(inbox.texts, ['earlier', 'later'])
    },
  ),

  clause('group/one that starts at a time receives what was sent since', { needs: ['startAtTime'] }, async (stage) => {
    const member = await stage.member()
    const channel = stage.history()
    await member.declareChannels(channel)
    await member.send(channel, 'too early')
    await stage.patience.pause(50)
    const time = stage.runtime.now()
    await stage.patience.pause(50)
    await member.send(channel, 'since')
    const inbox = await member.subscribe(stage.group(channel), { start: { time } })
    await member.send(channel, 'later')
    await inbox.arrived(2)
    assert.deepEqual(inbox.texts, ['since', 'later'])
  }),

  clause('group/one that exists goes on where it was, whatever start is asked for', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const first = await member.subscribe(group)
    await member.send(group.channel, 'm1')
    await first.delivered('m1')
    await first.close(1_000)
    await member.send(group.channel, 'm2')
    const second = await member.subscribe(group, { start: 'now' })
    await member.send(group.channel, 'm3')
    await second.arrived(2)
    assert.deepEqual(second.texts, ['m2', 'm3'])
  }),

  clause('group/keeps its messages while no member runs', async (stage) => {
    const [leaving, sender] = [await stage.member(), await stage.member()]
    const group = stage.group()
    await leaving.subscribe(group)
    await leaving.close()
    await sender.send(group.channel, ...numbered('m', 5))
    const inbox = await (await stage.member()).subscribe(group)
    await inbox.arrived(5)
    assert.deepEqual([...inbox.texts].sort(), numbered('m', 5))
  }),

  clause('group/receives only the types it asks for', async (stage) => {
    const member = await stage.member()
    const channel = stage.channel()
    const typed = (name: string): string => `${channel.name}.${name}`
    const placed = await member.subscribe(stage.group(channel, { types: [typed('placed')] }))
    const both = await member.subscribe(stage.group(channel, { types: [typed('placed'), typed('cancelled')] }))
    const all = await member.subscribe(stage.group(channel))
    const order = ['placed', 'cancelled', 'shipped', 'placed-again', 'placed.again', 'placed']
    await member.sendMessages(channel, ...order.map((name) => stage.message(channel, name, { type: typed(name) })))
    await all.arrived(order.length)
    await both.arrived(3)
    await placed.arrived(2)
    // The last message has arrived everywhere: what was not for a group would have come before it.
    assert.deepEqual(placed.texts, ['placed', 'placed'])
    assert.deepEqual(both.texts, ['placed', 'cancelled', 'placed'])
    assert.deepEqual([...all.texts], order)
  }),

  clause('group/an ordered one receives only the types it asks for', { needs: ['ordered'] }, async (stage) => {
    const member = await stage.member()
    const channel = stage.channel('events', 2)
    const type = `${channel.name}.placed`
    const inbox = await member.subscribe(stage.group(channel, { types: [type], ordered: true }))
    for (const key of ['a', 'b', 'c'])
      await member.sendMessages(
        channel,
        stage.message(channel, `${key} other`, { key, type: `${channel.name}.other` }),
        stage.message(channel, `${key} placed`, { key, type }),
      )
    await inbox.arrived(3)
    assert.deepEqual([...inbox.texts].sort(), ['a placed', 'b placed', 'c placed'])
  }),

  clause('group/every group is asked a survey', async (stage) => {
    const [one, two] = [await stage.member(), await stage.member()]
    const channel = stage.channel('survey')
    const inboxes = [await one.subscribe(stage.group(channel)), await two.subscribe(stage.group(channel))]
    await one.send(channel, 'm1')
    for (const inbox of inboxes) await inbox.delivered('m1')
  }),

  clause('group/many subscriptions at once over one link each get their own', async (stage) => {
    const [receiver, sender] = [await stage.member(), await stage.member()]
    const groups = Array.from({ length: 20 }, () => stage.group())
    const inboxes = await Promise.all(groups.map((group) => receiver.subscribe(group)))
    await Promise.all(groups.map((group, index) => sender.send(group.channel, `m${index}`)))
    for (const [index, inbox] of inboxes.entries()) {
      await inbox.delivered(`m${index}`)
      assert.equal(inbox.texts.length, 1)
    }
  }),
]
