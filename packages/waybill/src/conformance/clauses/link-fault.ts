import { strict as assert } from 'node:assert'
import { clause, type Clause } from '../clause.ts'
import type { FaultName } from '../harness.ts'
import { Ledger } from '../ledger.ts'
import type { Member } from '../member.ts'
import { numbered, text } from '../message-of.ts'
import type { Stage } from '../stage.ts'
import type { Group } from '../../transport/transport.ts'

type LinkFaultName = Extract<FaultName, 'cut' | 'stall' | 'halfOpen' | 'slow'>

/** Sends batches until told to stop, and keeps the ledger. What is refused is sent again: nothing was stored. */
function traffic(stage: Stage, sender: Member, group: Group, ledger: Ledger): () => Promise<void> {
  let going = true
  let batch = 0
  const run = async (): Promise<void> => {
    while (going) {
      const ids = numbered(`b${++batch}.`, 5)
      for (const id of ids) ledger.sending(id, id)
      const outgoing = ids.map((id) => ({ message: stage.message(group.channel, id), to: group.channel }))
      const results = await sender.transport.send(outgoing)
      for (const [index, id] of ids.entries()) ledger.sent(id, results[index]?.outcome ?? 'unknown')
      await stage.patience.pause(5)
    }
  }
  const done = run()
  return async () => {
    going = false
    await stage.patience.within('the last send to be answered', done)
  }
}

async function survives(
  stage: Stage,
  fault: LinkFaultName,
  faulty: 'sender' | 'receiver',
  lastsMs: number,
): Promise<void> {
  const [sender, receiver] = await stage.members(2)
  assert.ok(sender && receiver)
  const member = faulty === 'sender' ? sender : receiver
  const group = stage.group()
  const ledger = new Ledger()
  const inbox = await receiver.subscribe(group, {
    prefetch: 20,
    decide: (delivery) => (ledger.handled(text(delivery)), 'ack'),
  })
  const stop = traffic(stage, sender, group, ledger)
  await inbox.arrived(20)
  await stage.fault(fault)(member.transport)
  await stage.patience.pause(lastsMs)
  await stage.fault('heal')(member.transport)
  const before = inbox.deliveries.length
  await inbox.arrived(before + 50)
  await stop()
  await stage.patience.until(
    () => `what was confirmed to be handled; missing: ${ledger.verdict().lost.slice(0, 10).join(' ')}`,
    () => ledger.missing === 0,
  )
  assert.deepEqual(ledger.verdict().strangers, [])
}

const FAULTS = [
  ['cut', 'is cut', 300],
  ['stall', 'stalls', 1_500],
  ['halfOpen', 'is half open', 1_500],
  ['slow', 'is slow', 1_000],
] as const

export const linkFaultClauses: readonly Clause[] = [
  ...FAULTS.flatMap(([fault, says, lastsMs]) =>
    (['sender', 'receiver'] as const).map((faulty) =>
      clause(
        `link/nothing is lost when the link of the ${faulty} ${says}, and all flows again`,
        { faults: [fault, 'heal'], long: fault !== 'cut' },
        (stage) => survives(stage, fault, faulty, lastsMs),
      ),
    ),
  ),

  clause(
    'link/a lost link is reported, taken up again, and its subscriptions with it',
    { faults: ['cut', 'heal'] },
    async (stage) => {
      const [receiver, sender] = await stage.members(2)
      assert.ok(receiver && sender)
      const group = stage.group()
      const inbox = await receiver.subscribe(group)
      await stage.fault('cut')(receiver.transport)
      await receiver.reported('disconnected')
      await sender.declare(group)
      await sender.sees(group, { consumers: 0 })
      await stage.fault('heal')(receiver.transport)
      await receiver.reported('connected')
      await sender.sees(group, { consumers: 1 })
      await sender.send(group.channel, 'm1')
      await inbox.delivered('m1')
    },
  ),

  clause('link/three losses in a row are survived', { faults: ['cut', 'heal'] }, async (stage) => {
    const [receiver, sender] = await stage.members(2)
    assert.ok(receiver && sender)
    const group = stage.group()
    const inbox = await receiver.subscribe(group)
    for (let round = 1; round <= 3; round++) {
      await stage.fault('cut')(receiver.transport)
      await receiver.reported('disconnected', round - 1)
      await sender.send(group.channel, `m${round}`)
      await stage.fault('heal')(receiver.transport)
      await inbox.delivered(`m${round}`)
    }
  }),

  clause(
    'link/sends while it is down are answered and none is silently dropped',
    { faults: ['cut', 'heal'] },
    async (stage) => {
      const [sender, receiver] = await stage.members(2)
      assert.ok(sender && receiver)
      const group = stage.group()
      const inbox = await receiver.subscribe(group)
      await stage.fault('cut')(sender.transport)
      await sender.reported('disconnected')
      const outgoing = numbered('m', 5).map((each) => ({
        message: stage.message(group.channel, each),
        to: group.channel,
      }))
      // As a whole with WAYBILL_NOT_CONNECTED, entry by entry, or once the link is up again: each is an answer.
      const sending = sender.transport.send(outgoing).catch(() => [])
      await stage.patience.pause(30)
      await stage.fault('heal')(sender.transport)
      const results = await stage.patience.within('a send while the link was down to be answered', sending)
      const accepted = outgoing.filter((_, index) => results[index]?.outcome === 'accepted')
      await sender.reported('connected')
      await sender.send(group.channel, 'last')
      await inbox.delivered('last')
      for (const { message } of accepted) await inbox.delivered(text(message))
    },
  ),

  clause(
    'link/order per key holds when the link of the owner is lost',
    { needs: ['durableGroups', 'ordered'], faults: ['cut', 'heal'] },
    async (stage) => {
      const [owner, sender] = await stage.members(2)
      assert.ok(owner && sender)
      const group = stage.orderedGroup(2)
      const ledger = new Ledger()
      const inbox = await owner.subscribe(group, {
        prefetch: 5,
        decide: (delivery) => {
          if (delivery.message.attempt === 1 && text(delivery).endsWith('/3')) return { retryMs: 50 }
          ledger.handled(text(delivery))
          return 'ack'
        },
      })
      for (let n = 1; n <= 20; n++) {
        for (const key of ['a', 'b', 'c']) {
          ledger.sending(`${key}/${n}`, key)
          await sender.sendKeyed(group.channel, key, `${key}/${n}`)
          ledger.sent(`${key}/${n}`, 'accepted')
        }
        if (n !== 5) continue
        await inbox.arrived(3)
        await stage.fault('cut')(owner.transport)
        await owner.reported('disconnected')
        await stage.fault('heal')(owner.transport)
      }
      await stage.patience.until(
        () => `missing: ${ledger.verdict().lost.join(' ')}`,
        () => ledger.missing === 0,
      )
      assert.deepEqual(ledger.verdict().disorder, [])
    },
  ),
]
