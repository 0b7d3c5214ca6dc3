import { strict as assert } from 'node:assert'
import { isWaybillError } from '../../message/errors.ts'
import { FAILURE_HEADERS } from '../../message/failure.ts'
import type { DeadLetterDecision } from '../../transport/dead-letter-visit.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import { numbered, text } from '../message-of.ts'
import { died, KEEP, keepAll, redrive, REMOVE, visiting } from '../visiting.ts'

const visits: ClauseOptions = { needs: ['durableGroups', 'deadLetterVisits'] }

/** Looks in a row: more than any engine's own limit of deliveries that is known. */
const LOOKS = 100

export const deadLetterVisitClauses: readonly Clause[] = [
  clause('dead-letters/a visit shows them oldest first, at most a batch at a time', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const texts = await died(stage, member, group, numbered('m', 10))
    const seen = await visiting(stage, member, group, keepAll, { batch: 4 })
    assert.deepEqual(seen.letters.map(text), texts)
    assert.ok(seen.largest <= 4, `a batch of ${seen.largest} letters; 4 were asked for`)
    for (const { headers } of seen.letters) assert.equal(headers[FAILURE_HEADERS.reason], 'rejected')
  }),

  clause('dead-letters/what is kept is neither changed nor moved', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 6))
    const before = await visiting(stage, member, group, keepAll)
    await member.sees(group, { deadLetters: 6, depth: 0 })
    const after = await visiting(stage, member, group, keepAll, { batch: 2 })
    assert.deepEqual(after.letters, before.letters)
    await member.sees(group, { deadLetters: 6, depth: 0 })
  }),

  clause(`dead-letters/${LOOKS} looks lose none, and keep their order`, { ...visits, long: true }, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const texts = await died(stage, member, group, numbered('m', 12))
    for (let n = 1; n <= LOOKS; n++) {
      const { letters } = await visiting(stage, member, group, keepAll, { batch: 5 })
      assert.deepEqual(letters.map(text), texts, `what look ${n} showed`)
    }
    await member.sees(group, { deadLetters: 12, depth: 0 })
  }),

  clause('dead-letters/remove takes out the one it is said of, and no other', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 5))
    await visiting(stage, member, group, (letter) => (text(letter) === 'm3' ? REMOVE : KEEP))
    const { letters } = await visiting(stage, member, group, keepAll)
    assert.deepEqual(letters.map(text), ['m1', 'm2', 'm4', 'm5'])
    await member.sees(group, { deadLetters: 4, depth: 0 })
    const inbox = await member.subscribe(group)
    await member.send(group.channel, 'm6')
    await inbox.delivered('m6')
    assert.deepEqual(inbox.texts, ['m6'], 'what was removed is handed out to nobody')
  }),

  clause('dead-letters/what is redriven comes as it is given: id, history, headers and body', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const failing = await member.subscribe(group, {
      decide: ({ message }) => (message.attempt < 3 ? { retryMs: 0 } : { reject: 'failed', detail: 'spent' }),
    })
    const body = Uint8Array.from({ length: 256 }, (_, n) => n)
    const sent = stage.message(group.channel, '', { body, key: 'a', headers: { tenant: 'acme ünï' }, schemaVersion: 4 })
    await member.sendMessages(group.channel, sent)
    await member.sees(group, { deadLetters: 1, depth: 0 })
    await failing.close(1_000)
    const { letters } = await visiting(stage, member, group, (letter) =>
      redrive({ ...letter, attempt: 1, headers: { ...letter.headers, again: 'yes' } }),
    )
    const inbox = await member.subscribe(group)
    const [delivery] = await inbox.arrived(1)
    const [letter] = letters
    assert.ok(delivery && letter)
    const { headers, body: came, ...rest } = delivery.message
    const { headers: _, body: __, ...sentRest } = sent
    assert.deepEqual({ ...rest }, sentRest)
    assert.deepEqual({ ...headers }, { ...letter.headers, again: 'yes' })
    assert.equal(headers['tenant'], 'acme ünï')
    assert.ok(Buffer.from(came).equals(body))
    await member.sees(group, { deadLetters: 0, depth: 0 })
  }),

  clause(
    'dead-letters/what is redriven comes to its own group, and to no other of the channel',
    visits,
    async (stage) => {
      const member = await stage.member()
      const channel = stage.channel()
      const [group, other] = [stage.group(channel), stage.group(channel)]
      await member.declare(group, other)
      const others = await member.subscribe(other)
      await died(stage, member, group, ['m1', 'm2'])
      await others.arrived(2)
      await visiting(stage, member, group, redrive)
      const inbox = await member.subscribe(group)
      await inbox.arrived(2)
      await member.send(channel, 'm3')
      await others.delivered('m3')
      assert.deepEqual(others.texts, ['m1', 'm2', 'm3'])
      await member.sees(group, { deadLetters: 0 })
    },
  ),

  clause('dead-letters/replace changes the letter, and the visit does not show it again', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 4))
    const seen = await visiting(
      stage,
      member,
      group,
      (letter) =>
        text(letter) === 'm2'
          ? {
              action: 'replace',
              message: { ...letter, body: Buffer.from('mended'), headers: { ...letter.headers, by: 'ops' } },
            }
          : KEEP,
      { batch: 1 },
    )
    assert.deepEqual(seen.letters.map(text), numbered('m', 4))
    const { letters } = await visiting(stage, member, group, keepAll)
    assert.deepEqual(new Set(letters.map(text)), new Set(['m1', 'mended', 'm3', 'm4']))
    const [before, mended] = [seen.letters[1], letters.find((letter) => text(letter) === 'mended')]
    assert.equal(mended?.id, before?.id)
    assert.deepEqual({ ...mended?.headers }, { ...before?.headers, by: 'ops' })
    await member.sees(group, { deadLetters: 4, depth: 0 })
  }),

  clause('dead-letters/a visit ends with those that were there, though each dies again', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 5))
    const inbox = await member.subscribe(group, { decide: () => ({ reject: 'failed' }) })
    const seen = await visiting(
      stage,
      member,
      group,
      async (letter, n) => {
        await inbox.arrived(n)
        return redrive(letter)
      },
      { batch: 1 },
    )
    assert.deepEqual(seen.letters.map(text), numbered('m', 5))
    await inbox.arrived(5)
    await member.sees(group, { deadLetters: 5, depth: 0 })
  }),

  clause('dead-letters/a visit ends at its limit, or with fewer decisions than letters', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 8))
    const limited = await visiting(stage, member, group, () => REMOVE, { limit: 3, batch: 2 })
    assert.deepEqual(limited.letters.map(text), ['m1', 'm2', 'm3'])
    const decisions: readonly DeadLetterDecision[] = [REMOVE, KEEP]
    let asked = 0
    await stage.patience.within(
      'visitDeadLetters()',
      member.transport.visitDeadLetters(group, {
        limit: 5,
        batch: 5,
        decide: () => {
          asked++
          return Promise.resolve(decisions)
        },
      }),
    )
    assert.equal(asked, 1)
    const { letters } = await visiting(stage, member, group, keepAll)
    assert.deepEqual(letters.map(text), ['m5', 'm6', 'm7', 'm8'])
  }),

  clause('dead-letters/a visit that sees a part leaves the order of all', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 20))
    // All were handed out before, and came back.
    await visiting(stage, member, group, keepAll)
    await visiting(stage, member, group, keepAll, { limit: 3 })
    await visiting(stage, member, group, () => REMOVE, { limit: 2, batch: 2 })
    await stage.patience.within(
      'visitDeadLetters()',
      member.transport.visitDeadLetters(group, { limit: 9, batch: 3, decide: () => Promise.resolve([KEEP]) }),
    )
    const { letters } = await visiting(stage, member, group, keepAll)
    assert.deepEqual(letters.map(text), numbered('m', 20).slice(2))
  }),

  clause('dead-letters/a decision that throws ends the visit, and nothing of it is done', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await died(stage, member, group, numbered('m', 4))
    const broken = new RangeError('cannot decide')
    const outcome = await stage.patience.within(
      'visitDeadLetters()',
      member.transport.visitDeadLetters(group, { limit: 4, batch: 2, decide: () => Promise.reject(broken) }).then(
        () => 'it resolved',
        (error: unknown) => error,
      ),
    )
    assert.equal(outcome, broken)
    const { letters } = await visiting(stage, member, group, keepAll)
    assert.deepEqual(letters.map(text), numbered('m', 4))
  }),

  clause('dead-letters/of a group that nobody has declared a visit says so', visits, async (stage) => {
    const member = await stage.member()
    const outcome = await visiting(stage, member, stage.group(), keepAll).catch((error: unknown) => error)
    assert.ok(isWaybillError(outcome, 'WAYBILL_NOT_FOUND'), `instead of WAYBILL_NOT_FOUND: ${String(outcome)}`)
  }),

  clause('dead-letters/of a group without dead letters a visit asks nothing', visits, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.declare(group)
    const { letters, batches } = await visiting(stage, member, group, keepAll)
    assert.deepEqual([letters.length, batches], [0, 0])
  }),

  clause('dead-letters/before connect() and after close() a visit is refused', visits, async (stage) => {
    const group = stage.group()
    const member = await stage.member()
    await member.declare(group)
    const early = await stage.transport()
    const visit = { limit: 1, batch: 1, decide: () => Promise.resolve([]) }
    const outcomeOn = (transport: typeof early): Promise<unknown> =>
      stage.patience.within(
        'visitDeadLetters()',
        transport.visitDeadLetters(group, visit).then(
          () => 'it resolved',
          (error: unknown) => error,
        ),
      )
    const before = await outcomeOn(early)
    assert.ok(isWaybillError(before, 'WAYBILL_NOT_CONNECTED'), `before connect(): ${String(before)}`)
    await member.close()
    const after = await outcomeOn(member.transport)
    assert.ok(isWaybillError(after, 'WAYBILL_CLOSED'), `after close(): ${String(after)}`)
  }),
]
