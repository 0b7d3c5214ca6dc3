import { strict as assert } from 'node:assert'
import { clause, type Clause } from '../clause.ts'
import { numbered } from '../message-of.ts'

export const closeClauses: readonly Clause[] = [
  clause('close/of a subscription: no delivery after it resolves, and nothing is lost', async (stage) => {
    const [receiver, sender] = await stage.members(2)
    assert.ok(receiver && sender)
    const group = stage.group()
    const inbox = await receiver.subscribe(group, { prefetch: 5 })
    const texts = numbered('m', 300)
    const sending = (async () => {
      for (let at = 0; at < texts.length; at += 10) await sender.send(group.channel, ...texts.slice(at, at + 10))
    })()
    await inbox.arrived(20)
    await inbox.close(1_000)
    await sending
    const next = await sender.subscribe(group)
    await stage.patience.until(
      () =>
        `all to come; missing: ${texts.filter((each) => ![...inbox.texts, ...next.texts].includes(each)).join(' ')}`,
      () => new Set([...inbox.texts, ...next.texts]).size === texts.length,
    )
    assert.deepEqual(inbox.late, [], 'delivered after close() had resolved')
  }),

  clause('close/waits for the unsettled until its deadline', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { decide: () => 'hold' })
    await member.send(group.channel, 'm1')
    const delivery = await inbox.delivered('m1')
    let closed = false
    const closing = inbox.close(10_000).then(() => (closed = true))
    await stage.patience.pause(60)
    assert.equal(closed, false, 'closed while a delivery was unsettled')
    inbox.ack(delivery)
    await closing
    await member.declare(group)
    await member.sees(group, { depth: 0 })
    const next = await member.subscribe(group)
    await member.send(group.channel, 'm2')
    await next.delivered('m2')
    assert.deepEqual(next.texts, ['m2'], 'what was settled while closing counts')
  }),

  clause('close/does not wait longer than its deadline, and returns the unsettled', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { decide: () => 'hold' })
    await member.send(group.channel, 'm1')
    await inbox.delivered('m1')
    await inbox.close(80)
    const next = await member.subscribe(group)
    await next.delivered('m1')
  }),

  clause('close/a subscription that closes hands out nothing more while it waits', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group, { prefetch: 2, decide: () => 'hold' })
    await member.send(group.channel, ...numbered('m', 6))
    const [first, second] = await inbox.arrived(2)
    assert.ok(first && second)
    const closing = inbox.close(10_000)
    await stage.patience.pause(30)
    inbox.ack(first)
    await stage.patience.pause(30)
    inbox.ack(second)
    await closing
    assert.deepEqual(inbox.texts, ['m1', 'm2'])
    const next = await member.subscribe(group)
    await next.arrived(4)
    assert.deepEqual([...next.texts].sort(), ['m3', 'm4', 'm5', 'm6'])
  }),

  clause('close/of many subscriptions and their transport at once', async (stage) => {
    const [receiver, sender] = await stage.members(2)
    assert.ok(receiver && sender)
    const groups = Array.from({ length: 10 }, () => stage.group())
    const inboxes = await Promise.all(groups.map((group) => receiver.subscribe(group, { decide: () => 'hold' })))
    await Promise.all(groups.map((group) => sender.send(group.channel, ...numbered('m', 3))))
    for (const inbox of inboxes) await inbox.arrived(3)
    await Promise.all([...inboxes.map((inbox) => inbox.close(200)), receiver.close(200), receiver.close(200)])
    for (const [index, group] of groups.entries()) {
      const next = await sender.subscribe(group)
      await next.arrived(3)
      assert.deepEqual((inboxes[index] ?? assert.fail()).late, [])
    }
  }),

  clause('close/of a subscription twice is the same as once', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group)
    await Promise.all([inbox.close(100), inbox.close(100)])
    await inbox.close(100)
    const next = await member.subscribe(group)
    await member.send(group.channel, 'm1')
    await next.delivered('m1')
    assert.deepEqual(inbox.texts, [])
  }),

  clause('close/of one subscription leaves the others of its transport', async (stage) => {
    const member = await stage.member()
    const channel = stage.channel()
    const closing = await member.subscribe(stage.group(channel))
    const staying = await member.subscribe(stage.group(channel))
    await closing.close()
    await member.send(channel, 'm1')
    await staying.delivered('m1')
  }),

  clause('close/in the middle of sends: each entry is answered, and what was accepted is there', async (stage) => {
    const [sender, receiver] = await stage.members(2)
    assert.ok(sender && receiver)
    const group = stage.group()
    const inbox = await receiver.subscribe(group, { prefetch: 500 })
    const sends = numbered('b', 50).map(async (batch) => {
      const texts = numbered(`${batch}.`, 10)
      const outgoing = texts.map((each) => ({ message: stage.message(group.channel, each), to: group.channel }))
      // A call that came after close() rejects as a whole, with WAYBILL_CLOSED; one that came before is answered.
      const results = await sender.transport.send(outgoing).catch((error: unknown) => error as Error)
      if (results instanceof Error) return []
      assert.equal(results.length, texts.length)
      return texts.filter((_, index) => results[index]?.outcome === 'accepted')
    })
    await sender.close(2_000)
    const accepted = (
      await stage.patience.within('the answers of sends cut short by close()', Promise.all(sends))
    ).flat()
    await stage.patience.until('what was accepted to come', () => accepted.every((each) => inbox.texts.includes(each)))
  }),

  clause('close/of a transport that subscribes: subscribe() is answered', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const subscribing = member.transport
      .subscribe({ group, transient: false, prefetch: 1 }, () => {})
      .then(
        () => 'resolved',
        () => 'rejected',
      )
    await member.close(500)
    await stage.patience.within('subscribe() cut short by close()', subscribing)
    const next = await stage.member()
    await next.declare(group)
    await next.sees(group, { consumers: 0 })
  }),
]
