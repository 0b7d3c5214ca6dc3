import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'

const expiry: ClauseOptions = { needs: ['durableGroups', 'expiry'] }

export const expiryClauses: readonly Clause[] = [
  clause('expiry/what expired while it waited is not handed out, what has not is', expiry, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.declare(group)
    const now = stage.runtime.now()
    await member.sendMessages(
      group.channel,
      stage.message(group.channel, 'long', { expiresAt: now + 600_000 }),
      stage.message(group.channel, 'short', { expiresAt: now + 150 }),
      stage.message(group.channel, 'for ever'),
    )
    await stage.patience.until('the message to expire', () => stage.runtime.now() > now + 160)
    const inbox = await member.subscribe(group)
    await inbox.delivered('long')
    await inbox.delivered('for ever')
    await member.sees(group, { depth: 0 })
    assert.deepEqual(inbox.texts, ['long', 'for ever'])
  }),

  clause(
    'expiry/what has expired before it is sent is refused with WAYBILL_EXPIRED, or never handed out',
    expiry,
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group)
      const message = stage.message(group.channel, 'late', { expiresAt: stage.runtime.now() - 1_000 })
      const [result] = await member.offer([{ message, to: group.channel }])
      if (result?.outcome !== 'accepted')
        assert.ok(result?.outcome === 'refused' && isWaybillError(result.error, 'WAYBILL_EXPIRED'), result?.outcome)
      await member.send(group.channel, 'last')
      await inbox.delivered('last')
      assert.deepEqual(inbox.texts, ['last'])
    },
  ),

  clause('expiry/a command that expired while it waited is not handed out', expiry, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command'))
    await member.declare(group)
    const expiresAt = stage.runtime.now() + 100
    await member.sendMessages(
      group.channel,
      stage.message(group.channel, 'short', { expiresAt }),
      stage.message(group.channel, 'last'),
    )
    await stage.patience.until('the command to expire', () => stage.runtime.now() > expiresAt + 10)
    const inbox = await member.subscribe(group)
    await inbox.delivered('last')
    assert.deepEqual(inbox.texts, ['last'])
  }),

  clause('expiry/a reply that expired while it waited is not handed out', expiry, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('reply'))
    const before = await member.subscribe(group)
    const to = { kind: 'address', address: before.subscription.address ?? '' } as const
    await before.close()
    const expiresAt = stage.runtime.now() + 100
    await member.sendMessages(
      to,
      stage.message(group.channel, 'short', { expiresAt }),
      stage.message(group.channel, 'last'),
    )
    await stage.patience.until('the reply to expire', () => stage.runtime.now() > expiresAt + 10)
    const inbox = await member.subscribe(group)
    await inbox.delivered('last')
    assert.deepEqual(inbox.texts, ['last'])
  }),

  clause(
    'expiry/what expires while it waits for a retry is not handed out again',
    { needs: ['durableGroups', 'expiry', 'delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, {
        decide: ({ message }) => (message.attempt === 1 ? { retryMs: 500 } : 'ack'),
      })
      const expiresAt = stage.runtime.now() + 250
      await member.sendMessages(
        group.channel,
        stage.message(group.channel, 'short', { expiresAt }),
        stage.message(group.channel, 'long'),
      )
      await inbox.delivered('long', 2)
      await stage.patience.pause(200)
      assert.deepEqual(inbox.texts, ['short', 'long', 'long'])
    },
  ),
]
