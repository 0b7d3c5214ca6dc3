import { strict as assert } from 'node:assert'
import { FAILURE_HEADERS, readFailures, type DeadLetterReason } from '../../message/failure.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import { text } from '../message-of.ts'

const readable: ClauseOptions = { readsDeadLetters: true }

export const deadLetterClauses: readonly Clause[] = [
  clause('dead-letter/tells the reason, the detail, the time, the channel and the group', readable, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.subscribe(group, { decide: () => ({ reject: 'rejected', detail: 'the card was declined: größer' }) })
    const before = stage.runtime.now()
    await member.send(group.channel, 'm1')
    await member.sees(group, { deadLetters: 1 })
    const [letter] = await stage.deadLetters(group)
    assert.ok(letter)
    assert.equal(letter.headers[FAILURE_HEADERS.reason], 'rejected')
    assert.equal(letter.headers[FAILURE_HEADERS.detail], 'the card was declined: größer')
    assert.equal(letter.headers[FAILURE_HEADERS.channel], group.channel.name)
    assert.equal(letter.headers[FAILURE_HEADERS.group], group.name)
    const at = Number(letter.headers[FAILURE_HEADERS.at])
    assert.ok(at >= before - 1 && at <= stage.runtime.now() + 1, `dead-lettered at ${at}`)
  }),

  clause('dead-letter/keeps the message as it was sent: headers, key, body', readable, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.subscribe(group, { decide: () => ({ reject: 'malformed' }) })
    const body = Uint8Array.from({ length: 256 }, (_, n) => n)
    const sent = stage.message(group.channel, '', {
      body,
      key: 'a',
      correlationId: 'c',
      causationId: 'd',
      replyTo: 'somewhere',
      schemaVersion: 5,
      sequence: 9,
      expiresAt: stage.runtime.now() + 600_000,
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      headers: { tenant: 'acme ünï' },
    })
    await member.sendMessages(group.channel, sent)
    await member.sees(group, { deadLetters: 1 })
    const [letter] = await stage.deadLetters(group)
    assert.ok(letter)
    const { headers, body: kept, ...rest } = letter
    const { headers: _, body: __, ...sentRest } = sent
    assert.deepEqual({ ...rest }, sentRest)
    assert.equal(headers['tenant'], 'acme ünï')
    assert.ok(Buffer.from(kept).equals(body))
  }),

  clause('dead-letter/keeps the history of every attempt, the last one included', readable, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.subscribe(group, {
      decide: ({ message: { attempt } }) => {
        if (attempt < 3) return { retryMs: 0, error: new TypeError(`no. ${attempt}`) }
        const failure = {
          at: stage.runtime.now(),
          attempt,
          group: group.name,
          name: 'TypeError',
          message: `no. ${attempt}`,
          code: 'E_LAST',
        }
        return { reject: 'failed', detail: 'retries are spent', failure }
      },
    })
    await member.send(group.channel, 'm1')
    await member.sees(group, { deadLetters: 1 })
    const [letter] = await stage.deadLetters(group)
    assert.ok(letter)
    assert.deepEqual(
      readFailures(letter.headers).map(({ attempt, message, code }) => [attempt, message, code]),
      [
        [1, 'no. 1', undefined],
        [2, 'no. 2', undefined],
        [3, 'no. 3', 'E_LAST'],
      ],
    )
    assert.equal(letter.attempt, 3)
  }),

  clause('dead-letter/tells the failed from the malformed, the unknown and the poisonous', readable, async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command'))
    const reasons: readonly DeadLetterReason[] = ['failed', 'malformed', 'unknown', 'rejected', 'expired', 'poison']
    await member.subscribe(group, { decide: (delivery) => ({ reject: text(delivery) as DeadLetterReason }) })
    await member.send(group.channel, ...reasons)
    await member.sees(group, { deadLetters: reasons.length })
    const letters = await stage.deadLetters(group)
    assert.deepEqual(new Set(letters.map((letter) => letter.headers[FAILURE_HEADERS.reason])), new Set(reasons))
    for (const letter of letters) assert.equal(letter.headers[FAILURE_HEADERS.reason], text(letter))
  }),

  clause(
    'dead-letter/of an ordered group is kept like any other',
    { ...readable, needs: ['durableGroups', 'ordered'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(2)
      await member.subscribe(group, {
        decide: ({ message }) => (message.attempt === 1 ? { retryMs: 0 } : { reject: 'failed' }),
      })
      await member.sendKeyed(group.channel, 'a', 'a1')
      await member.sendKeyed(group.channel, 'b', 'b1')
      await member.sees(group, { deadLetters: 2, depth: 0 })
      const letters = await stage.deadLetters(group)
      assert.deepEqual(letters.map(text).sort(), ['a1', 'b1'])
      for (const letter of letters) assert.equal(readFailures(letter.headers).length, 1)
    },
  ),
]
