import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import type { Outgoing } from '../../transport/transport.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import { accepted } from '../member.ts'
import type { Stage } from '../stage.ts'

const delayed: ClauseOptions = { needs: ['durableGroups', 'delayedSend'] }

const later = (
  stage: Stage,
  to: Extract<Outgoing['to'], { name: string }>,
  text: string,
  delayMs: number,
): Outgoing => ({
  message: stage.message(to, text),
  to,
  delayMs,
})

export const delayClauses: readonly Clause[] = [
  clause('delay/a delayed command comes, and not before its time', delayed, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command'))
    let cameAt = 0
    const inbox = await member.subscribe(group, { decide: () => ((cameAt = stage.runtime.monotonic()), 'ack') })
    const sentAt = stage.runtime.monotonic()
    accepted(await member.offer([later(stage, group.channel, 'm1', 400)]))
    await inbox.delivered('m1')
    assert.ok(cameAt - sentAt >= 397, `came after ${cameAt - sentAt} ms instead of 400`)
  }),

  clause('delay/commands of different delays come as they are due', delayed, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command'))
    const inbox = await member.subscribe(group)
    accepted(
      await member.offer([
        later(stage, group.channel, '1300', 1_300),
        later(stage, group.channel, '100', 100),
        later(stage, group.channel, '0', 0),
        later(stage, group.channel, '600', 600),
      ]),
    )
    await inbox.arrived(4)
    assert.deepEqual(inbox.texts, ['0', '100', '600', '1300'])
  }),

  clause(
    'delay/a delayed event comes to each group in its time, or is refused with WAYBILL_UNSUPPORTED',
    delayed,
    async (stage) => {
      const member = await stage.member()
      const channel = stage.channel()
      const inboxes = [await member.subscribe(stage.group(channel)), await member.subscribe(stage.group(channel))]
      const [result] = await member.offer([later(stage, channel, 'm1', 200)])
      await member.send(channel, 'm2')
      for (const inbox of inboxes) await inbox.delivered('m2')
      if (result?.outcome === 'accepted') for (const inbox of inboxes) await inbox.delivered('m1')
      else
        assert.ok(result?.outcome === 'refused' && isWaybillError(result.error, 'WAYBILL_UNSUPPORTED'), result?.outcome)
      const wanted = result.outcome === 'accepted' ? ['m2', 'm1'] : ['m2']
      for (const inbox of inboxes) assert.deepEqual(inbox.texts, wanted)
    },
  ),

  clause('delay/longer than the limit is refused with WAYBILL_LIMIT', delayed, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command'))
    await member.declare(group)
    const limit = member.facts.limits.maxDelayMs.value
    const results = await member.offer([
      later(stage, group.channel, 'm1', limit + 1),
      later(stage, group.channel, 'm2', 0),
    ])
    if (Number.isFinite(limit))
      assert.ok(
        results[0]?.outcome === 'refused' && isWaybillError(results[0].error, 'WAYBILL_LIMIT'),
        results[0]?.outcome,
      )
    assert.equal(results[1]?.outcome, 'accepted')
  }),

  clause('delay/a delayed command survives the member that sent it', delayed, async (stage) => {
    const [sender, receiver] = await stage.members(2)
    assert.ok(sender && receiver)
    const group = stage.group(stage.channel('command'))
    const inbox = await receiver.subscribe(group)
    accepted(await sender.offer([later(stage, group.channel, 'm1', 300)]))
    await sender.close()
    await inbox.delivered('m1')
  }),
]
