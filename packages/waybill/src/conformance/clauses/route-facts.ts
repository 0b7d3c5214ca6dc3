import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import type { Limit } from '../../transport/engine-facts.ts'
import { clause, type Clause } from '../clause.ts'

export const routeFactsClauses: readonly Clause[] = [
  clause('facts/asking what a group would be promised declares nothing', { needs: ['unroutable'] }, async (stage) => {
    const [asker, sender] = await stage.members(2)
    assert.ok(asker && sender)
    const group = stage.group(stage.channel('command'))
    const asking = (): Promise<unknown> =>
      stage.patience.within(
        'routeFacts()',
        asker.transport.routeFacts(group).catch((error: unknown) => error),
      )
    const before = await asking()
    if (before instanceof Error)
      assert.ok(isWaybillError(before, 'WAYBILL_NOT_FOUND'), `only that it does not exist: ${before.message}`)
    const [result] = await sender.offer([{ message: stage.message(group.channel, 'm1'), to: group.channel }])
    assert.ok(
      result?.outcome === 'refused' && isWaybillError(result.error, 'WAYBILL_UNROUTABLE'),
      `a command that nobody has claimed was ${result?.outcome}: asking must not declare it`,
    )
    // A group begins where it is declared or subscribed, and so must not be needed for an answer.
    await asker.declareChannels(group.channel)
    const declared = await asking()
    assert.ok(!(declared instanceof Error), `the channel exists: ${String(declared)}`)
  }),

  clause('facts/what a group is promised is in numbers that can be kept', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.declare(group)
    const { durability, limits } = await stage.patience.within('routeFacts()', member.transport.routeFacts(group))
    assert.ok(['synced', 'written', 'memory'].includes(durability.accepted), durability.accepted)
    if (durability.accepted === 'synced') assert.equal(durability.lossWindowMs.value, 0, 'what is synced is not lost')
    const numbers: readonly (readonly [name: string, limit: Limit, least: number])[] = [
      ['lossWindowMs', durability.lossWindowMs, 0],
      ['copies', durability.copies, 1],
      ['deliveryLimit', limits.deliveryLimit, 1],
      ['settleWithinMs', limits.settleWithinMs, 1],
      ['retentionMs', limits.retentionMs, 1],
      ['retentionBytes', limits.retentionBytes, 1],
    ]
    for (const [name, { value, source }, least] of numbers) {
      assert.ok(value >= least, `${name} is ${value}`)
      assert.ok(['read', 'told', 'assumed'].includes(source), `${name} is ${source}`)
    }
  }),
]
