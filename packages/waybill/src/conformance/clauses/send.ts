import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import type { SendResult } from '../../transport/transport.ts'
import { clause, type Clause } from '../clause.ts'
import { accepted } from '../member.ts'
import { numbered } from '../message-of.ts'

/** Bodies beyond this are not made just to see them refused. */
const LARGEST_TRIED = 256 * 2 ** 20

function expectRefused(result: SendResult | undefined, code: Parameters<typeof isWaybillError>[1]): void {
  assert.ok(result !== undefined, 'an answer is missing')
  assert.equal(result.outcome, 'refused')
  assert.ok(result.outcome === 'refused' && isWaybillError(result.error, code), `refused, but not with ${code}`)
}

export const sendClauses: readonly Clause[] = [
  clause('send/an empty batch has an empty answer', { needs: [] }, async (stage) => {
    assert.deepEqual(await (await stage.member()).offer([]), [])
  }),

  clause(
    'send/answers each entry in its place, the refused among the accepted',
    { needs: ['durableGroups', 'unroutable'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group)
      const nobody = stage.channel('command')
      const results = await member.offer([
        { message: stage.message(group.channel, 'm1'), to: group.channel },
        { message: stage.message(nobody, 'm2'), to: nobody },
        { message: stage.message(group.channel, 'm3'), to: group.channel },
        { message: stage.message(nobody, 'm4'), to: nobody },
        { message: stage.message(group.channel, 'm5'), to: group.channel },
      ])
      assert.deepEqual(
        results.map((result) => result.outcome),
        ['accepted', 'refused', 'accepted', 'refused', 'accepted'],
      )
      await inbox.arrived(3)
      assert.deepEqual([...inbox.texts].sort(), ['m1', 'm3', 'm5'])
    },
  ),

  ...(['command', 'query', 'document'] as const).map((kind) =>
    clause(
      `send/a ${kind} that nobody can receive is refused with WAYBILL_UNROUTABLE`,
      { needs: ['unroutable'] },
      async (stage) => {
        const member = await stage.member()
        const channel = stage.channel(kind)
        const [result] = await member.offer([{ message: stage.message(channel, 'm1'), to: channel }])
        expectRefused(result, 'WAYBILL_UNROUTABLE')
      },
    ),
  ),

  ...(['events', 'survey'] as const).map((kind) =>
    clause(
      `send/${kind === 'events' ? 'an event' : 'a survey'} without recipients is accepted`,
      { needs: [] },
      async (stage) => {
        const member = await stage.member()
        await member.send(stage.channel(kind), 'm1', 'm2')
      },
    ),
  ),

  clause('send/a batch of 2,000 is answered entry by entry and arrives once each', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { prefetch: 500 })
    const texts = numbered('m', 2_000)
    const results = await member.offer(
      texts.map((each) => ({ message: stage.message(group.channel, each), to: group.channel })),
    )
    assert.equal(results.length, texts.length)
    accepted(results)
    await inbox.arrived(texts.length)
    assert.deepEqual(new Set(inbox.texts), new Set(texts))
    assert.equal(inbox.texts.length, texts.length, 'something came twice')
  }),

  clause('send/keeps the order of one key over many calls, unawaited', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { prefetch: 1 })
    const texts = numbered('m', 200)
    await stage.patience.within('sends', Promise.all(texts.map((each) => member.sendKeyed(group.channel, 'a', each))))
    await inbox.arrived(texts.length)
    assert.deepEqual(inbox.texts, texts)
  }),

  clause('send/calls of several callers at once are each answered', async (stage) => {
    const members = await stage.members(3)
    const group = stage.group()
    const inbox = await (members[0] ?? assert.fail()).subscribe(group)
    await Promise.all(
      members.flatMap((member, of) =>
        numbered(`m${of}.`, 10).map((prefix) => member.send(group.channel, ...numbered(`${prefix}.`, 7))),
      ),
    )
    await inbox.arrived(3 * 10 * 7)
    assert.equal(new Set(inbox.texts).size, 3 * 10 * 7)
  }),

  clause('send/what is too large is refused with WAYBILL_TOO_LARGE, its neighbours are not', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group)
    const limit = member.facts.limits.maxMessageBytes.value
    // An engine without such a limit is held to nothing here but the round trip.
    const body = limit <= LARGEST_TRIED ? new Uint8Array(limit + 1) : new Uint8Array(1)
    const results = await member.offer([
      { message: stage.message(group.channel, 'm1'), to: group.channel },
      { message: stage.message(group.channel, '', { body }), to: group.channel },
      { message: stage.message(group.channel, 'm3'), to: group.channel },
    ])
    if (limit <= LARGEST_TRIED) expectRefused(results[1], 'WAYBILL_TOO_LARGE')
    assert.equal(results[0]?.outcome, 'accepted')
    assert.equal(results[2]?.outcome, 'accepted')
    await inbox.delivered('m1')
    await inbox.delivered('m3')
  }),

  clause('send/a batch for several channels reaches each', async (stage) => {
    const member = await stage.member()
    const groups = [stage.group(), stage.group(stage.channel('command')), stage.group(stage.channel('document'))]
    const inboxes = await Promise.all(groups.map((group) => member.subscribe(group)))
    accepted(
      await member.offer(
        groups.map(({ channel }, index) => ({ message: stage.message(channel, `m${index}`), to: channel })),
      ),
    )
    for (const [index, inbox] of inboxes.entries()) {
      await inbox.delivered(`m${index}`)
      assert.equal(inbox.texts.length, 1)
    }
  }),
]
