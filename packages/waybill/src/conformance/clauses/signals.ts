import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import type { Channel } from '../../transport/channel.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import type { Inbox } from '../inbox.ts'
import type { Member } from '../member.ts'
import { numbered } from '../message-of.ts'

const signals: ClauseOptions = { needs: ['signals'] }

const listen = (member: Member, channel: Channel, name: string): Promise<Inbox> =>
  member.subscribe({ channel, name, ordered: false }, { transient: true })

export const signalsClauses: readonly Clause[] = [
  clause('signals/each instance receives each, under one label too', signals, async (stage) => {
    const members = await stage.members(3)
    const channel = stage.channel('signals')
    const inboxes = await Promise.all(members.map((member) => listen(member, channel, 'same')))
    const texts = numbered('m', 20)
    await (await stage.member()).send(channel, ...texts)
    for (const inbox of inboxes) {
      await inbox.arrived(texts.length)
      assert.deepEqual([...inbox.texts].sort(), [...texts].sort())
    }
  }),

  clause('signals/of one sender come in its order', signals, async (stage) => {
    const [receiver, sender] = await stage.members(2)
    assert.ok(receiver && sender)
    const channel = stage.channel('signals')
    const inbox = await listen(receiver, channel, 'a')
    const texts = numbered('m', 300)
    // Batches that follow one another without a wait, as a bus sends them.
    await Promise.all([0, 100, 200].map((from) => sender.send(channel, ...texts.slice(from, from + 100))))
    await inbox.arrived(texts.length)
    assert.deepEqual(inbox.texts, texts)
  }),

  clause('signals/one that nobody hears is accepted, and kept for nobody', signals, async (stage) => {
    const member = await stage.member()
    const channel = stage.channel('signals')
    await member.send(channel, 'm1')
    const first = await listen(member, channel, 'a')
    await member.send(channel, 'm2')
    await first.delivered('m2')
    await first.close()
    await member.send(channel, 'm3')
    const second = await listen(member, channel, 'a')
    await member.send(channel, 'm4')
    await second.delivered('m4')
    assert.deepEqual([...first.texts, ...second.texts], ['m2', 'm4'])
  }),

  clause('signals/receives only the types it asks for, and all when it names none', signals, async (stage) => {
    const member = await stage.member()
    const channel = stage.channel('signals')
    const of = (type: string) => `${channel.name}.${type}`
    const some = { channel, name: 'some', types: [of('up'), of('down')], ordered: false }
    const inboxes = [await member.subscribe(some, { transient: true }), await listen(member, channel, 'all')]
    const types = ['up', 'same', 'down', 'last']
    const message = (type: string) => stage.message(channel, type, { type: of(type) })
    await member.sendMessages(channel, ...types.map(message), message('down'))
    for (const [n, wanted] of [
      ['down', 'down', 'up'],
      ['down', 'down', 'last', 'same', 'up'],
    ].entries()) {
      await inboxes[n]?.arrived(wanted.length)
      assert.deepEqual([...(inboxes[n]?.texts ?? [])].sort(), wanted)
    }
  }),

  clause(
    'signals/and stored events of one name are apart',
    { needs: ['signals', 'transientSubscriptions', 'durableGroups'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const channel: Channel = { kind: 'signals', name: group.channel.name, shards: 1 }
      const stored = await member.subscribe(group)
      const heard = await listen(member, channel, group.name)
      await member.send(group.channel, 'stored')
      await member.send(channel, 'heard')
      await stored.delivered('stored')
      await heard.delivered('heard')
      assert.deepEqual([stored.texts, heard.texts], [['stored'], ['heard']])
    },
  ),

  clause('signals/arrive as they were sent, every byte and every header', signals, async (stage) => {
    const member = await stage.member()
    const channel = stage.channel('signals')
    const inbox = await listen(member, channel, 'a')
    const body = Uint8Array.from({ length: 256 }, (_, n) => n)
    const sent = [
      stage.message(channel, 'plain'),
      stage.message(channel, '{"n": 1.0}', { contentType: 'application/json', headers: { tenant: 'Grüße, 世界' } }),
      stage.message(channel, '', {
        contentType: 'application/octet-stream',
        body,
        correlationId: 'c',
        causationId: 'd',
      }),
    ]
    await member.sendMessages(channel, ...sent)
    const came = await inbox.arrived(sent.length)
    for (const one of sent) {
      const { message } = came.find((each) => each.message.id === one.id) ?? assert.fail(`${one.id} has not come`)
      assert.ok(
        Buffer.from(message.body).equals(one.body),
        `the body of ${one.id} came as ${message.body.length} bytes`,
      )
      assert.deepEqual({ ...message, body: 0, headers: { ...message.headers } }, { ...one, body: 0 })
    }
  }),

  clause('signals/one that fails comes again to its instance alone, and then no more', signals, async (stage) => {
    const [failing, well] = await stage.members(2)
    assert.ok(failing && well)
    const channel = stage.channel('signals')
    const group = { channel, name: 'a', ordered: false }
    const decide: Parameters<Member['subscribe']>[1] = {
      transient: true,
      decide: ({ message }) => (message.attempt < 3 ? { retryMs: 0 } : { reject: 'failed' }),
    }
    const failed = await failing.subscribe(group, decide)
    const inbox = await listen(well, channel, 'a')
    await well.send(channel, 'm1')
    await failed.delivered('m1', 3)
    await well.send(channel, 'm2')
    await failed.delivered('m2', 3)
    await inbox.delivered('m2')
    assert.deepEqual(inbox.texts, ['m1', 'm2'])
    assert.equal(failed.deliveries.length, 6)
    assert.equal((await failing.inspect(group)).deadLetters, 0)
  }),

  clause('signals/an instance that is slow holds back neither the sender nor another one', signals, async (stage) => {
    const [slow, quick] = await stage.members(2)
    assert.ok(slow && quick)
    const channel = stage.channel('signals')
    const group = { channel, name: 'a', ordered: false }
    const held = await slow.subscribe(group, { transient: true, prefetch: 1, decide: () => 'hold' })
    const inbox = await listen(quick, channel, 'a')
    const texts = numbered('m', 500)
    await quick.send(channel, ...texts)
    await inbox.arrived(texts.length)
    await held.arrived(1)
    assert.equal(held.deliveries.length, 1)
  }),

  clause(
    'signals/a link that was down is a gap, and then they come again',
    { ...signals, faults: ['cut', 'heal'] },
    async (stage) => {
      const [receiver, sender] = await stage.members(2)
      assert.ok(receiver && sender)
      const channel = stage.channel('signals')
      const inbox = await listen(receiver, channel, 'a')
      await sender.send(channel, 'm1')
      await inbox.delivered('m1')
      await stage.fault('cut')(receiver.transport)
      await receiver.reported('disconnected')
      await sender.send(channel, 'm2')
      await stage.fault('heal')(receiver.transport)
      const gap = await receiver.reported('gap')
      assert.deepEqual([gap.channel, gap.group], [channel.name, 'a'])
      await receiver.reported('subscription-restored')
      await sender.send(channel, 'm3')
      await inbox.delivered('m3')
    },
  ),

  clause('signals/what only stored messages can have is refused', signals, async (stage) => {
    const member = await stage.member()
    const channel = stage.channel('signals')
    const group = { channel, name: 'a', ordered: false }
    const spec: SubscriptionSpec = { group, transient: true, prefetch: 1 }
    const asked: readonly (readonly [what: string, outcome: () => Promise<unknown>])[] = [
      ['a group that keeps them', () => member.transport.subscribe({ ...spec, transient: false }, () => {})],
      ['order', () => member.transport.subscribe({ ...spec, group: { ...group, ordered: true } }, () => {})],
      ['the past', () => member.transport.subscribe({ ...spec, start: 'earliest' }, () => {})],
      ['shards', () => member.transport.subscribe({ ...spec, shards: [0] }, () => {})],
      ['a declared group', () => member.transport.declare({ channels: [channel], groups: [group] })],
      [
        'a delay',
        async () => {
          const message = stage.message(channel, 'm1')
          const [result] = await member.transport.send([{ message, to: channel, delayMs: 1_000 }])
          if (result?.outcome === 'refused') throw result.error
        },
      ],
    ]
    for (const [what, ask] of asked) {
      const outcome = await stage.patience.within(
        what,
        ask().then(
          () => 'it was accepted',
          (error: unknown) => error,
        ),
      )
      assert.ok(
        isWaybillError(outcome, 'WAYBILL_UNSUPPORTED'),
        `${what} should be refused; instead: ${String(outcome)}`,
      )
    }
  }),
]
