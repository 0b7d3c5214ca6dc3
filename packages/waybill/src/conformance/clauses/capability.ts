import { strict as assert } from 'node:assert'
import { clause, type Clause } from '../clause.ts'

// What the other areas do not already show of each capability. Where one is refused, every clause that needs it turns
// into the check that asking for it fails (refusal.ts), so each capability has a clause for either answer.
export const capabilityClauses: readonly Clause[] = [
  clause(
    'capability/confirms: accepted means that the engine has it, though the sender ends at once',
    { needs: ['durableGroups', 'confirms'], faults: ['crash'] },
    async (stage) => {
      const [sender, receiver] = await stage.members(2)
      assert.ok(sender && receiver)
      const group = stage.group()
      await receiver.declare(group)
      await sender.send(group.channel, 'm1', 'm2', 'm3')
      await stage.fault('crash')(sender.transport)
      const inbox = await receiver.subscribe(group)
      await inbox.arrived(3)
      assert.deepEqual([...inbox.texts].sort(), ['m1', 'm2', 'm3'])
    },
  ),

  clause(
    'capability/fencing: settlements of a former owner change nothing',
    { needs: ['durableGroups', 'ordered'], faults: ['crash'] },
    async (stage) => {
      const [former, next] = await stage.members(2)
      assert.ok(former && next)
      const group = stage.orderedGroup(1)
      const held = await former.subscribe(group, { decide: () => 'hold' })
      await next.sendKeyed(group.channel, 'a', 'a1', 'a2')
      const before = await held.delivered('a1')
      await stage.fault('crash')(former.transport)
      const inbox = await next.subscribe(group, { decide: () => 'hold' })
      const again = await inbox.delivered('a1')
      held.ack(before)
      await stage.patience.pause(50)
      assert.deepEqual(inbox.texts, ['a1'], 'the former owner moved its successor on')
      inbox.ack(again)
      inbox.ack(await inbox.delivered('a2'))
      await next.sees(group, { depth: 0, deadLetters: 0 })
    },
  ),
]
