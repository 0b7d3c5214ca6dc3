import { strict as assert } from 'node:assert'
import type { DeadLetterDecision } from '../../transport/dead-letter-visit.ts'
import { clause, type Clause, type ClauseOptions } from '../clause.ts'
import type { Inbox } from '../inbox.ts'
import { numbered, text } from '../message-of.ts'
import { died, KEEP, keepAll, redrive, REMOVE, visiting } from '../visiting.ts'

const visits: ClauseOptions = { needs: ['durableGroups', 'deadLetterVisits'] }
const ordered: ClauseOptions = { needs: ['durableGroups', 'ordered', 'deadLetterVisits'] }

function ofKey(inbox: Inbox, key: string, prefix: string): readonly string[] {
  return inbox.deliveries
    .filter(({ message }) => message.key === key && text({ ...message }).startsWith(prefix))
    .map(text)
}

/** Order, two visitors, and deaths in the middle. */
export const deadLetterRedriveClauses: readonly Clause[] = [
  clause(
    'dead-letters/redriven letters of a key keep their order while new messages of it flow',
    ordered,
    async (stage) => {
      const [member, sender] = [await stage.member(), await stage.member()]
      const group = stage.orderedGroup(2)
      const keys = ['a', 'b', 'c']
      const killing = await member.subscribe(group, { decide: () => ({ reject: 'failed' }) })
      for (const key of keys) await sender.sendKeyed(group.channel, key, ...numbered(`old-${key}`, 8))
      await member.sees(group, { deadLetters: 24, depth: 0 })
      await killing.close(1_000)
      const inbox = await member.subscribe(group, { prefetch: 10 })
      const flowing = (async () => {
        for (let n = 1; n <= 8; n++)
          for (const key of keys) await sender.sendKeyed(group.channel, key, `new-${key}${n}`)
      })()
      await visiting(stage, member, group, redrive, { batch: 5 })
      await flowing
      await inbox.arrived(48)
      for (const key of keys)
        for (const age of ['old', 'new'])
          assert.deepEqual(ofKey(inbox, key, age), numbered(`${age}-${key}`, 8), `the ${age} messages of key ${key}`)
      assert.deepEqual(inbox.overlaps, [], 'two of one key were unsettled at once')
      await member.sees(group, { deadLetters: 0, depth: 0 })
    },
  ),

  clause(
    'dead-letters/redriven, a letter waits for what is unsettled of its key, and for no other',
    { needs: [...(ordered.needs ?? []), 'delayedRetry'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.orderedGroup(1)
      const inbox = await member.subscribe(group, {
        prefetch: 10,
        decide: (delivery) => {
          const { attempt, headers } = delivery.message
          if (text(delivery) === 'a1' && headers['again'] === undefined) return { reject: 'failed' }
          return text(delivery) === 'a2' && attempt === 1 ? { retryMs: 700 } : 'ack'
        },
      })
      await member.sendKeyed(group.channel, 'a', 'a1')
      await member.sees(group, { deadLetters: 1, depth: 0 })
      await member.sendKeyed(group.channel, 'a', 'a2')
      await inbox.delivered('a2')
      await visiting(stage, member, group, (letter) => redrive({ ...letter, headers: { again: 'yes' } }))
      await member.sendKeyed(group.channel, 'b', 'b1')
      await inbox.delivered('a1', 2)
      assert.deepEqual(inbox.texts, ['a1', 'a2', 'b1', 'a2', 'a1'])
      await member.sees(group, { deadLetters: 0, depth: 0 })
    },
  ),

  clause('dead-letters/two visits at a time lose none and double none', visits, async (stage) => {
    const [one, two] = [await stage.member(), await stage.member()]
    const group = stage.group()
    const texts = await died(stage, one, group, numbered('m', 60), { prefetch: 100 })
    const inbox = await one.subscribe(group)
    const halves = await Promise.all([one, two].map((each) => visiting(stage, each, group, redrive, { batch: 7 })))
    // What one visit has held to its end is left to a third.
    await visiting(stage, one, group, redrive)
    await inbox.arrived(60)
    await one.sees(group, { deadLetters: 0, depth: 0 })
    assert.deepEqual([...inbox.texts].sort(), [...texts].sort())
    assert.ok(halves.every(({ largest }) => largest <= 7))
  }),

  clause(
    'dead-letters/a visitor that dies in the middle loses none',
    { ...visits, faults: ['crash'] },
    async (stage) => {
      const [visitor, member] = [await stage.member(), await stage.member()]
      const group = stage.group()
      const texts = await died(stage, member, group, numbered('m', 20), { prefetch: 100 })
      const dying = visitor.transport.visitDeadLetters(group, {
        limit: 20,
        batch: 5,
        decide: async (letters) => {
          if (letters.some((letter) => text(letter) === 'm11')) await stage.fault('crash')(visitor.transport)
          return letters.map((letter, n) => (n % 2 === 0 ? redrive(letter) : KEEP))
        },
      })
      // It cannot succeed; what it says is its own affair.
      await stage.patience.within(
        'the visit of who died',
        dying.catch(() => undefined),
      )
      await stage.patience.until('every letter to be redriven', async () => {
        await visiting(stage, member, group, redrive)
        const { depth, deadLetters } = await member.inspect(group)
        return deadLetters === 0 && depth >= 20
      })
      const inbox = await member.subscribe(group)
      await inbox.arrived(20)
      await member.sees(group, { deadLetters: 0, depth: 0 })
      assert.deepEqual([...new Set(inbox.texts)].sort(), [...texts].sort())
      assert.ok(inbox.texts.length <= 25, `${inbox.texts.length} deliveries: more than one batch came twice`)
    },
  ),

  clause(
    'dead-letters/a broker that dies in the middle loses none',
    { ...visits, faults: ['restartBroker'], long: true },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const texts = await died(stage, member, group, numbered('m', 12), { prefetch: 100 })
      // Engines that write the topology late get the time for it.
      await stage.patience.pause(1_500)
      let batches = 0
      const dying = member.transport.visitDeadLetters(group, {
        limit: 12,
        batch: 4,
        decide: async (letters) => {
          if (++batches === 2) {
            // It is asked again when what it said is done.
            await member.sees(group, { depth: 4 })
            await stage.fault('restartBroker')()
          }
          return letters.map(redrive)
        },
      })
      await stage.patience.times(3).within(
        'the visit to end',
        dying.catch(() => undefined),
      )
      await stage.patience.times(3).until('every letter to be redriven', async () => {
        const again = await visiting(stage, member, group, redrive).catch(() => undefined)
        const { depth, deadLetters } = await member.inspect(group).catch(() => ({ depth: 0, deadLetters: -1 }))
        return again !== undefined && deadLetters === 0 && depth >= 12
      })
      const inbox = await member.subscribe(group)
      await inbox.arrived(12)
      await member.sees(group, { deadLetters: 0, depth: 0 })
      assert.deepEqual([...new Set(inbox.texts)].sort(), [...texts].sort())
    },
  ),

  clause(
    'dead-letters/two thousand are gone through, a third of them kept at their places',
    { ...visits, long: true },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      const texts = await died(stage, member, group, numbered('m', 2_000), { prefetch: 200 })
      const before = await visiting(stage, member, group, keepAll, { batch: 150 })
      assert.deepEqual(before.letters.map(text).sort(), [...texts].sort())
      const third = (n: number): DeadLetterDecision | 'redrive' => [KEEP, REMOVE, 'redrive' as const][n % 3] ?? KEEP
      const seen = await visiting(
        stage,
        member,
        group,
        (letter, n) => {
          const decision = third(n)
          return decision === 'redrive' ? redrive(letter) : decision
        },
        { batch: 150 },
      )
      assert.deepEqual(seen.letters.map(text), before.letters.map(text))
      assert.ok(seen.largest <= 150)
      const after = await visiting(stage, member, group, keepAll)
      const keptBefore = before.letters.filter((_, n) => third(n) === KEEP).map(text)
      assert.deepEqual(after.letters.map(text), keptBefore)
      const inbox = await member.subscribe(group)
      const redriven = before.letters.filter((_, n) => third(n) === 'redrive').map(text)
      await inbox.arrived(redriven.length)
      assert.deepEqual([...inbox.texts].sort(), [...redriven].sort())
      await member.sees(group, { deadLetters: keptBefore.length, depth: 0 })
    },
  ),
]
