import { strict as assert } from 'node:assert'
import type { Channel } from '../../transport/channel.ts'
import type { Delivery } from '../../transport/transport.ts'
import { clause, type Clause } from '../clause.ts'
import type { Inbox } from '../inbox.ts'
import type { Member } from '../member.ts'
import { numbered, text } from '../message-of.ts'
import type { Stage } from '../stage.ts'

function addressOf(inbox: Inbox): string {
  const { address } = inbox.subscription
  assert.ok(address !== undefined && address !== '', 'a subscription to a reply channel has an address')
  return address
}

/** Answers each request with `re: <request>` to its return address. */
async function answerer(stage: Stage, channel: Channel): Promise<Member> {
  const member = await stage.member()
  const answer = ({ message }: Delivery): 'ack' => {
    const to = { kind: 'address', address: message.replyTo ?? '' } as const
    const { correlationId } = message
    const fields = { kind: 'reply', correlationId, causationId: message.id } as const
    void member.offer([{ message: stage.message(channel, `re: ${text(message)}`, fields), to }])
    return 'ack'
  }
  await member.subscribe(stage.group(channel), { decide: answer })
  return member
}

export const replyClauses: readonly Clause[] = [
  clause(
    'reply/comes to the requester that asked, and to no other',
    { needs: ['transientSubscriptions'] },
    async (stage) => {
      const channel = stage.channel('query')
      await answerer(stage, channel)
      const group = stage.group(stage.channel('reply'))
      const requesters = await stage.members(2)
      const inboxes = await Promise.all(requesters.map((member) => member.subscribe(group, { transient: true })))
      for (const [index, member] of requesters.entries()) {
        const replyTo = addressOf(inboxes[index] ?? assert.fail())
        await member.sendMessages(
          channel,
          ...numbered(`q${index}.`, 5).map((each) => stage.message(channel, each, { replyTo, correlationId: each })),
        )
      }
      for (const [index, inbox] of inboxes.entries()) {
        await inbox.arrived(5)
        assert.deepEqual(
          [...inbox.texts].sort(),
          numbered(`q${index}.`, 5).map((each) => `re: ${each}`),
        )
        for (const delivery of inbox.deliveries)
          assert.equal(`re: ${delivery.message.correlationId}`, text(delivery), 'the correlation id comes back')
      }
    },
  ),

  clause(
    'reply/two hundred requests at once are each answered',
    { needs: ['transientSubscriptions'] },
    async (stage) => {
      const channel = stage.channel('query')
      await answerer(stage, channel)
      const requester = await stage.member()
      const inbox = await requester.subscribe(stage.group(stage.channel('reply')), { transient: true })
      const replyTo = addressOf(inbox)
      const asked = numbered('q', 200)
      await Promise.all(
        asked.map((each) =>
          requester.sendMessages(channel, stage.message(channel, each, { replyTo, correlationId: each })),
        ),
      )
      await inbox.arrived(asked.length)
      assert.deepEqual(new Set(inbox.texts), new Set(asked.map((each) => `re: ${each}`)))
    },
  ),

  clause('reply/to a durable address waits for a requester that is down, and its address stays', async (stage) => {
    const [before, answering] = [await stage.member(), await stage.member()]
    const group = stage.group(stage.channel('reply'))
    const address = addressOf(await before.subscribe(group))
    await before.close()
    await answering.sendMessages(
      { kind: 'address', address },
      stage.message(group.channel, 'while down', { kind: 'reply', correlationId: 'c1' }),
    )
    const inbox = await (await stage.member()).subscribe(group)
    const delivery = await inbox.delivered('while down')
    assert.equal(delivery.message.correlationId, 'c1')
    assert.equal(addressOf(inbox), address)
  }),

  clause('reply/the address of a durable requester is known before anybody subscribes', async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('reply'))
    const address = member.transport.addressOf(group.channel)
    await member.declare(group)
    await member.sendMessages({ kind: 'address', address }, stage.message(group.channel, 'early', { kind: 'reply' }))
    const inbox = await member.subscribe(group)
    await inbox.delivered('early')
    assert.equal(addressOf(inbox), address)
  }),

  clause(
    'reply/to a requester that has gone is answered, and disturbs nobody',
    { needs: ['transientSubscriptions'] },
    async (stage) => {
      const [gone, answering] = [await stage.member(), await stage.member()]
      const channel = stage.channel('reply')
      const address = addressOf(await gone.subscribe(stage.group(channel), { transient: true }))
      await gone.close()
      const [result] = await answering.offer([
        { message: stage.message(channel, 'too late', { kind: 'reply' }), to: { kind: 'address', address } },
      ])
      assert.ok(result !== undefined && result.outcome !== 'unknown', `the outcome was ${result?.outcome}`)
      await answering.send(stage.channel(), 'm1')
    },
  ),

  clause('reply/other subscriptions have no address', async (stage) => {
    const member = await stage.member()
    for (const kind of ['events', 'command'] as const) {
      const inbox = await member.subscribe(stage.group(stage.channel(kind)))
      assert.equal(inbox.subscription.address, undefined, `of ${kind}`)
    }
  }),

  clause(
    'reply/to a survey come from every group that was asked',
    { needs: ['transientSubscriptions'] },
    async (stage) => {
      const channel = stage.channel('survey')
      await answerer(stage, channel)
      await answerer(stage, channel)
      const requester = await stage.member()
      const inbox = await requester.subscribe(stage.group(stage.channel('reply')), { transient: true })
      const replyTo = addressOf(inbox)
      await requester.sendMessages(channel, stage.message(channel, 'q', { replyTo, correlationId: 'c' }))
      await inbox.arrived(2)
      assert.deepEqual(inbox.texts, ['re: q', 're: q'])
    },
  ),
]
