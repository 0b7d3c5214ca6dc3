import { strict as assert } from 'node:assert'
import { clause, type Clause } from '../clause.ts'
import { numbered, text } from '../message-of.ts'

export const inspectClauses: readonly Clause[] = [
  clause('inspect/tells depth, consumers and dead letters of a group', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    await member.declare(group)
    await member.sees(group, { depth: 0, consumers: 0, deadLetters: 0 })
    await member.send(group.channel, ...numbered('m', 7))
    await member.sees(group, { depth: 7, consumers: 0, deadLetters: 0 })
    const inbox = await member.subscribe(group, {
      decide: (delivery) => (text(delivery) === 'm3' ? { reject: 'failed' } : 'ack'),
    })
    await inbox.arrived(7)
    await member.sees(group, { depth: 0, consumers: 1, deadLetters: 1 })
  }),

  clause('inspect/counts the consumers of every member', async (stage) => {
    const members = await stage.members(3)
    const [one, two, three] = members
    assert.ok(one && two && three)
    const group = stage.group()
    await one.subscribe(group)
    await two.subscribe(group)
    await three.declare(group)
    await three.sees(group, { consumers: 2 })
  }),

  clause('inspect/adds up the shards of an ordered group', { needs: ['durableGroups', 'ordered'] }, async (stage) => {
    const member = await stage.member()
    const group = stage.orderedGroup(4)
    await member.declare(group)
    for (const key of numbered('key', 12)) await member.sendKeyed(group.channel, key, key)
    await member.sees(group, { depth: 12, deadLetters: 0 })
    const inbox = await member.subscribe(group)
    await inbox.arrived(12)
    await member.sees(group, { depth: 0 })
    assert.ok((await member.inspect(group)).consumers >= 1)
  }),

  clause('inspect/says whether the link is up', { needs: [], faults: ['cut', 'heal'] }, async (stage) => {
    const member = await stage.member()
    const connected = async (): Promise<boolean> => {
      // Down, an engine may answer so or refuse to answer.
      const snapshot = await member.transport.inspect().catch(() => undefined)
      return snapshot?.connected ?? false
    }
    assert.equal(await connected(), true)
    await stage.fault('cut')(member.transport)
    await member.reported('disconnected')
    assert.equal(await stage.patience.within('inspect() while down', connected()), false)
    await stage.fault('heal')(member.transport)
    await member.reported('connected')
    await stage.patience.until('inspect() to say connected', connected)
  }),
]
