import { strict as assert } from 'node:assert'
import type { Group, SubscriptionSnapshot } from '../../transport/transport.ts'
import { clause, type Clause } from '../clause.ts'
import { numbered } from '../message-of.ts'
import type { Stage } from '../stage.ts'

/** Engine and member may be two machines. */
const CLOCKS_APART_MS = 5_000
const MESSAGES = 100
/** Engines that count what nobody has received leave out what lies in the member: never more than this. */
const AT_HAND = 50

/** The engine drops the group's only member: it notices, and is there again. */
async function takenUpAgain(stage: Stage, group: Group): Promise<void> {
  const [member, sender] = await stage.members(2)
  assert.ok(member && sender)
  const inbox = await member.subscribe(group)
  await sender.send(group.channel, 'before')
  await inbox.delivered('before')
  const before = await member.attached(group)
  await stage.fault('dropConsumers')(group)
  const lost = await member.reported('subscription-lost')
  assert.deepEqual([lost.channel, lost.group], [group.channel.name, group.name])
  await member.reported('subscription-restored')
  const after = await member.attached(group)
  assert.ok((after.since ?? 0) > (before.since ?? 0), `attached since ${after.since}, as before`)
  assert.deepEqual(
    member.events.filter(({ type }) => type === 'disconnected'),
    [],
    'the link was well',
  )
  await sender.send(group.channel, ...numbered('after', 5))
  for (const text of numbered('after', 5)) await inbox.delivered(text)
}

async function lagging(stage: Stage, group: Group): Promise<void> {
  const member = await stage.member()
  const inbox = await member.subscribe(group, { prefetch: 1, decide: () => 'hold' })
  await member.stands(group, 'without lag', (standing) => standing?.attached === true && standing.lag === 0)
  const keyed = numbered('m', MESSAGES).map((each) => stage.message(group.channel, each, { key: 'a' }))
  await member.sendMessages(group.channel, ...keyed)
  const behind = ({ lag }: SubscriptionSnapshot): boolean => lag >= MESSAGES - AT_HAND && lag <= MESSAGES
  await member.stands(group, `behind by ${MESSAGES}`, (standing) => standing !== undefined && behind(standing))
  for (let n = 1; n <= MESSAGES; n++) {
    await inbox.arrived(n)
    inbox.ack(...inbox.unsettled)
  }
  await member.stands(group, 'without lag', (standing) => standing?.lag === 0)
}

export const livenessClauses: readonly Clause[] = [
  clause('liveness/a subscription is attached, since when it began, until it is closed', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.declare(group)
    assert.equal(await member.standing(group), undefined, 'a group that is declared is no subscription')
    const before = stage.runtime.now()
    const inbox = await member.subscribe(group)
    const { since = 0 } = await member.attached(group)
    const now = stage.runtime.now()
    assert.ok(
      since >= before - CLOCKS_APART_MS && since <= now + CLOCKS_APART_MS,
      `since ${since}; subscribed between ${before} and ${now}`,
    )
    await stage.patience.pause(20)
    assert.equal((await member.standing(group))?.since, since, 'another since without a loss')
    await inbox.close()
    await member.stands(group, 'gone', (standing) => standing === undefined)
  }),

  clause('liveness/a transient subscription is attached, too', { needs: ['transientSubscriptions'] }, async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.subscribe(group, { transient: true })
    assert.ok((await member.attached(group)).since !== undefined)
  }),

  clause(
    'liveness/a member that stands in line for a shard is attached',
    { needs: ['durableGroups', 'ordered'] },
    async (stage) => {
      const members = await stage.members(2)
      const group = stage.orderedGroup(1)
      for (const member of members) await member.subscribe(group)
      for (const member of members) await member.attached(group)
    },
  ),

  clause('liveness/lag counts what waits', async (stage) => {
    await lagging(stage, stage.group())
  }),

  clause('liveness/lag counts what waits in shards', { needs: ['durableGroups', 'ordered'] }, async (stage) => {
    await lagging(stage, stage.orderedGroup(3))
  }),

  clause(
    'liveness/nothing is attached while the link is down, and all is when it is back',
    { faults: ['cut', 'heal'] },
    async (stage) => {
      const member = await stage.member()
      const group = stage.group()
      await member.subscribe(group)
      const { since = 0 } = await member.attached(group)
      await stage.fault('cut')(member.transport)
      await member.reported('disconnected')
      const standing = await member.standing(group)
      assert.notEqual(standing?.attached, true, 'attached without a link')
      assert.equal(standing?.since, undefined)
      await stage.patience.pause(20)
      await stage.fault('heal')(member.transport)
      const again = await member.attached(group)
      assert.ok((again.since ?? 0) > since, `attached since ${again.since}, before the link was lost`)
    },
  ),

  clause(
    'liveness/a subscription that the engine dropped is taken up again',
    { faults: ['dropConsumers'], long: true },
    (stage) => takenUpAgain(stage, stage.group()),
  ),

  clause(
    'liveness/an ordered subscription that the engine dropped is taken up again',
    { needs: ['durableGroups', 'ordered'], faults: ['dropConsumers'], long: true },
    (stage) => takenUpAgain(stage, stage.orderedGroup(2)),
  ),
]
