import { strict as assert } from 'node:assert'
import type { Delivery } from '../../transport/transport.ts'
import { clause, type Clause } from '../clause.ts'
import { numbered, text } from '../message-of.ts'

export const redeliveryClauses: readonly Clause[] = [
  clause('redelivery/a message is not marked redelivered the first time', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group)
    await member.send(group.channel, 'm1')
    const { redelivered, deliveryCount } = await inbox.delivered('m1')
    assert.ok(redelivered === false || redelivered === undefined)
    assert.ok(deliveryCount === 1 || deliveryCount === undefined)
  }),

  clause('redelivery/what a closing member had not settled goes to another, marked', async (stage) => {
    const [leaving, staying] = [await stage.member(), await stage.member()]
    const group = stage.group()
    const held = await leaving.subscribe(group, { decide: () => 'hold' })
    await staying.send(group.channel, 'm1', 'm2')
    await held.arrived(2)
    const inbox = await staying.subscribe(group)
    await leaving.close(0)
    await inbox.arrived(2)
    assert.deepEqual([...inbox.texts].sort(), ['m1', 'm2'])
    for (const { redelivered } of inbox.deliveries) assert.notEqual(redelivered, false, 'it should be marked')
  }),

  clause(
    'redelivery/what a crashed member had not settled goes to another, marked',
    { faults: ['crash'] },
    async (stage) => {
      const [crashing, staying] = [await stage.member(), await stage.member()]
      const group = stage.group()
      const held = await crashing.subscribe(group, { decide: (delivery) => (text(delivery) === 'm1' ? 'ack' : 'hold') })
      await staying.send(group.channel, ...numbered('m', 4))
      await held.arrived(4)
      // settle() hands over, it does not confirm: the acknowledgement of m1 leaves in one of the next turns.
      await stage.patience.pause(50)
      const inbox = await staying.subscribe(group)
      await stage.fault('crash')(crashing.transport)
      for (const each of ['m2', 'm3', 'm4']) {
        const { redelivered, message } = await inbox.delivered(each)
        assert.notEqual(redelivered, false, 'it should be marked')
        assert.equal(message.attempt, 1, 'a crash is not an attempt')
      }
      await staying.sees(group, { depth: 0 })
      assert.ok(!inbox.texts.includes('m1'), 'what was settled before the crash came again')
    },
  ),

  clause(
    'redelivery/the delivery count tells how often it was handed out',
    { needs: ['durableGroups', 'deliveryCount'], faults: ['crash'] },
    async (stage) => {
      const group = stage.group()
      const sender = await stage.member()
      await sender.declare(group)
      await sender.send(group.channel, 'm1')
      for (let count = 1; count <= 3; count++) {
        const member = await stage.member()
        const inbox = await member.subscribe(group, { decide: () => 'hold' })
        assert.equal((await inbox.delivered('m1')).deliveryCount, count)
        await stage.fault('crash')(member.transport)
      }
    },
  ),

  clause('redelivery/a closing subscription returns what is unsettled to the group', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const first = await member.subscribe(group, { decide: () => 'hold' })
    await member.send(group.channel, ...numbered('m', 3))
    await first.arrived(3)
    await first.close(0)
    const second = await member.subscribe(group)
    await second.arrived(3)
    assert.deepEqual([...second.texts].sort(), numbered('m', 3))
  }),

  clause(
    'redelivery/what is retried after a crash keeps its attempt and its history',
    { faults: ['crash'] },
    async (stage) => {
      const [crashing, staying] = [await stage.member(), await stage.member()]
      const group = stage.group()
      const held = await crashing.subscribe(group, {
        decide: ({ message }) => (message.attempt < 3 ? { retryMs: 0 } : 'hold'),
      })
      await staying.send(group.channel, 'm1')
      await held.delivered('m1', 3)
      await stage.fault('crash')(crashing.transport)
      const inbox = await staying.subscribe(group)
      // An earlier attempt may come again: its retry was stored before the acknowledgement that the crash cut off.
      const third = (): Delivery | undefined => inbox.deliveries.find((each) => each.message.attempt === 3)
      await stage.patience.until(
        () => `the third attempt; there were: ${inbox.deliveries.map((each) => each.message.attempt).join(' ')}`,
        () => third() !== undefined,
      )
      const { message } = third() as Delivery // until() has seen it
      assert.match(message.headers['waybill-failures'] ?? '', /attempt 1 failed.*attempt 2 failed/)
    },
  ),
]
