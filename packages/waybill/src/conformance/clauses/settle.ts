import { strict as assert } from 'node:assert'
import { readFailures, timesPutOff } from '../../message/failure.ts'
import { clause, type Clause } from '../clause.ts'
import type { Decide } from '../inbox.ts'
import { numbered, text } from '../message-of.ts'

/** Fails the first `times` attempts of each message, then acknowledges. */
const failing =
  (times: number, retryMs = 0): Decide =>
  ({ message }) =>
    message.attempt <= times ? { retryMs } : 'ack'

export const settleClauses: readonly Clause[] = [
  clause('settle/ack ends it: nothing remains, nobody receives it again', async (stage) => {
    const [one, two] = [await stage.member(), await stage.member()]
    const group = stage.group()
    const inbox = await one.subscribe(group)
    await one.send(group.channel, 'm1')
    await inbox.delivered('m1')
    await one.sees(group, { depth: 0 })
    await inbox.close()
    const next = await two.subscribe(group)
    await one.send(group.channel, 'm2')
    await next.delivered('m2')
    assert.deepEqual(next.texts, ['m2'])
  }),

  clause('settle/in any order, several at once', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { prefetch: 5, decide: () => 'hold' })
    await member.send(group.channel, ...numbered('m', 5))
    const [d1, d2, d3, d4, d5] = await inbox.arrived(5)
    assert.ok(d1 && d2 && d3 && d4 && d5)
    inbox.ack(d4, d2)
    inbox.ack(d5)
    inbox.ack(d1, d3)
    await member.sees(group, { depth: 0 })
    await inbox.close()
    const next = await member.subscribe(group)
    await member.send(group.channel, 'last')
    await next.delivered('last')
    assert.deepEqual(next.texts, ['last'])
  }),

  clause('settle/retry hands it out again with the next attempt', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { decide: failing(1) })
    await member.send(group.channel, 'm1')
    await inbox.delivered('m1', 2)
    assert.deepEqual(
      inbox.deliveries.map((delivery) => delivery.message.attempt),
      [1, 2],
    )
    await member.sees(group, { depth: 0, deadLetters: 0 })
  }),

  clause('settle/retry adds to the history, which travels with the message', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const decide: Decide = ({ message: { attempt } }) =>
      attempt <= 3 ? { retryMs: attempt === 2 ? 20 : 0, error: new TypeError(`no. ${attempt}: größer 👩‍🚀`) } : 'ack'
    const inbox = await member.subscribe(group, { decide })
    const before = stage.runtime.now()
    await member.send(group.channel, 'm1')
    const last = await inbox.delivered('m1', 4)
    const failures = readFailures(last.message.headers)
    assert.deepEqual(
      failures.map(({ attempt, name, message, group: of }) => [attempt, name, message, of]),
      [1, 2, 3].map((n) => [n, 'TypeError', `no. ${n}: größer 👩‍🚀`, group.name]),
    )
    for (const { at } of failures) assert.ok(at >= before && at <= stage.runtime.now(), `a failure at ${at}`)
  }),

  clause(
    'settle/what is put off comes again and again as it was, and that is counted',
    { needs: ['delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const times = 4
      const inbox = await member.subscribe(group, {
        decide: ({ message }) =>
          timesPutOff(message.headers) < times ? { putOffMs: timesPutOff(message.headers) % 2 === 0 ? 20 : 0 } : 'ack',
      })
      await member.send(group.channel, 'm1')
      await inbox.delivered('m1', times + 1)
      assert.deepEqual(
        inbox.deliveries.map(({ message }) => [message.attempt, timesPutOff(message.headers)]),
        Array.from({ length: times + 1 }, (_, nth) => [1, nth]),
      )
      assert.deepEqual(readFailures(inbox.deliveries.at(-1)?.message.headers ?? {}), [])
      const counted = inbox.deliveries.filter(({ deliveryCount = 1 }) => deliveryCount > 1)
      assert.equal(counted.length, 0, 'being put off counts as a delivery without settlement')
      await member.sees(group, { depth: 0, deadLetters: 0 })
    },
  ),

  clause('settle/retry leaves the rest of the message as it was', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { decide: failing(2, 10) })
    const sent = stage.message(group.channel, 'm1 ünï', {
      key: 'a',
      sequence: 4,
      replyTo: 'somewhere',
      correlationId: 'c',
      causationId: 'd',
      schemaVersion: 2,
      expiresAt: stage.runtime.now() + 600_000,
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      headers: { tenant: 'ünï' },
    })
    await member.sendMessages(group.channel, sent)
    const { headers, attempt, body, ...rest } = (await inbox.delivered('m1 ünï', 3)).message
    const { headers: sentHeaders, attempt: _, body: sentBody, ...sentRest } = sent
    assert.equal(attempt, 3)
    assert.deepEqual({ ...rest }, sentRest)
    assert.ok(Buffer.from(body).equals(sentBody))
    assert.equal(headers['tenant'], sentHeaders['tenant'])
  }),

  clause(
    'settle/retry with a delay is not handed out before its time, and does come',
    { needs: ['durableGroups', 'delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      let failedAt = 0
      let cameAt = 0
      const decide: Decide = ({ message }) => {
        if (message.attempt === 1) {
          failedAt = stage.runtime.monotonic()
          return { retryMs: 400 }
        }
        cameAt = stage.runtime.monotonic()
        return 'ack'
      }
      const inbox = await member.subscribe(group, { decide })
      await member.send(group.channel, 'm1')
      await inbox.delivered('m1', 2)
      // Clocks of broker and member may round differently by a millisecond or two.
      assert.ok(cameAt - failedAt >= 397, `came after ${cameAt - failedAt} ms instead of 400`)
    },
  ),

  clause(
    'settle/retry waits of different lengths do not hold each other up',
    { needs: ['durableGroups', 'delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, {
        decide: ({ message }) => (message.attempt > 1 ? 'ack' : { retryMs: Number(message.headers['wait']) }),
      })
      for (const wait of ['1200', '50', '500'])
        await member.sendMessages(group.channel, stage.message(group.channel, wait, { headers: { wait } }))
      await inbox.arrived(6)
      assert.deepEqual(inbox.texts.slice(3), ['50', '500', '1200'])
    },
  ),

  clause(
    'settle/a waiting retry takes no place of the prefetch',
    { needs: ['durableGroups', 'delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      let failedAt = 0
      const inbox = await member.subscribe(group, {
        prefetch: 1,
        decide: (delivery) => {
          if (text(delivery) !== 'm1' || delivery.message.attempt > 1) return 'ack'
          failedAt = stage.runtime.monotonic()
          return { retryMs: 1_500 }
        },
      })
      await member.send(group.channel, 'm1', 'm2', 'm3')
      await inbox.delivered('m3')
      const waited = stage.runtime.monotonic() - failedAt
      assert.ok(waited < 1_500, `the others came after ${waited} ms, when the retry was due`)
      await inbox.delivered('m1', 2)
      assert.deepEqual(inbox.texts, ['m1', 'm2', 'm3', 'm1'])
    },
  ),

  clause('settle/retry comes back to the group that failed, and to no other', async (stage) => {
    const member = await stage.member()
    const channel = stage.channel()
    const flaky = await member.subscribe(stage.group(channel), { decide: failing(2, 10) })
    const steady = await member.subscribe(stage.group(channel))
    await member.send(channel, 'm1')
    await flaky.delivered('m1', 3)
    await member.send(channel, 'm2')
    await steady.delivered('m2')
    assert.deepEqual(steady.texts, ['m1', 'm2'])
  }),

  clause('settle/retry of a command comes back too', async (stage) => {
    const member = await stage.member()
    const group = stage.group(stage.channel('command'))
    const inbox = await member.subscribe(group, { decide: failing(2, 10) })
    await member.send(group.channel, 'm1')
    assert.equal((await inbox.delivered('m1', 3)).message.attempt, 3)
  }),

  clause('settle/reject puts it aside: counted as a dead letter, not handed out again', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, {
      decide: (delivery) => (text(delivery) === 'bad' ? { reject: 'rejected' } : 'ack'),
    })
    await member.send(group.channel, 'bad', 'good')
    await inbox.delivered('good')
    await member.sees(group, { depth: 0, deadLetters: 1 })
    assert.deepEqual(inbox.texts, ['bad', 'good'])
  }),

  clause('settle/reject of one group leaves the others alone', async (stage) => {
    const member = await stage.member()
    const channel = stage.channel()
    const [strict, lenient] = [stage.group(channel), stage.group(channel)]
    await member.subscribe(strict, { decide: () => ({ reject: 'failed' }) })
    const inbox = await member.subscribe(lenient)
    await member.send(channel, 'm1')
    await inbox.delivered('m1')
    await member.sees(strict, { deadLetters: 1 })
    await member.sees(lenient, { depth: 0, deadLetters: 0 })
  }),

  clause('settle/ack, retry and reject in one batch each take their own way', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { prefetch: 3, decide: () => 'hold' })
    await member.send(group.channel, 'done', 'again', 'aside')
    const [done, again, aside] = await inbox.arrived(3)
    assert.ok(done && again && aside)
    const failure = { at: stage.runtime.now(), attempt: 1, group: group.name, name: 'Error', message: 'no' }
    inbox.settle([
      { delivery: done, action: 'ack' },
      { delivery: again, action: 'retry', afterMs: 0, attempt: 2, failure },
      { delivery: aside, action: 'reject', reason: 'failed', detail: 'no', failure },
    ])
    inbox.ack(await inbox.delivered('again', 2))
    await member.sees(group, { depth: 0, deadLetters: 1 })
    assert.deepEqual(inbox.texts, ['done', 'again', 'aside', 'again'])
  }),

  clause('settle/the others go on while some fail', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, {
      prefetch: 5,
      decide: (delivery) => {
        const number = Number(text(delivery).slice(1))
        if (number % 10 === 0) return { reject: 'failed' }
        return number % 2 === 1 && delivery.message.attempt === 1 ? { retryMs: 0 } : 'ack'
      },
    })
    const texts = numbered('m', 60)
    await member.send(group.channel, ...texts)
    await inbox.arrived(60 + 30)
    await member.sees(group, { depth: 0, deadLetters: 6 })
    assert.deepEqual(new Set(inbox.texts), new Set(texts))
    assert.equal(inbox.deliveries.length, 90)
  }),

  clause('settle/twice is the same as once', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { prefetch: 2, decide: () => 'hold' })
    await member.send(group.channel, 'm1', 'm2')
    const [first, second] = await inbox.arrived(2)
    assert.ok(first && second)
    inbox.ack(first)
    inbox.ack(first)
    inbox.decide({ retryMs: 0 }, first)
    inbox.decide({ reject: 'failed' }, first)
    inbox.ack(second)
    await member.send(group.channel, 'm3')
    inbox.ack(await inbox.delivered('m3'))
    await member.sees(group, { depth: 0, deadLetters: 0 })
    assert.deepEqual(inbox.texts, ['m1', 'm2', 'm3'])
  }),

  clause(
    'settle/after the subscription is closed does nothing, and the message returns to the group',
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, { decide: () => 'hold' })
      await member.send(group.channel, 'm1')
      const delivery = await inbox.delivered('m1')
      await inbox.close(0)
      inbox.ack(delivery)
      const next = await member.subscribe(group)
      await next.delivered('m1')
      inbox.decide({ reject: 'failed' }, delivery)
      await member.sees(group, { depth: 0, deadLetters: 0 })
    },
  ),

  clause(
    'settle/of a delivery from before a reconnect does nothing, and the message comes again',
    { faults: ['cut', 'heal'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const inbox = await member.subscribe(group, { prefetch: 1, decide: () => 'hold' })
      await member.send(group.channel, 'm1', 'm2')
      const before = await inbox.delivered('m1')
      await stage.fault('cut')(member.transport)
      await member.reported('disconnected')
      await stage.fault('heal')(member.transport)
      const again = await inbox.delivered('m1', 2)
      inbox.ack(before)
      inbox.ack(again)
      inbox.ack(await inbox.delivered('m2'))
      await member.sees(group, { depth: 0 })
      assert.deepEqual(inbox.texts, ['m1', 'm1', 'm2'])
    },
  ),
]
