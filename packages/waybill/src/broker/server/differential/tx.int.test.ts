import { TypedField } from '../../wire/field-table.ts'
import { describeDifferential, type Script } from './differential.test-support.ts'
import type { Peer } from './peer.test-support.ts'

/** A queue of the script's own, with these messages in it. */
async function filled(script: Script, peer: Peer, bodies: string, channel = 1): Promise<string> {
  const queue = script.name('q')
  await peer.ask(channel, 'queue.declare', { queue, exclusive: true })
  for (const body of bodies) peer.publish(channel, { routingKey: queue, body })
  await peer.rest(channel)
  return queue
}

const count = (peer: Peer, queue: string, channel = 2): Promise<unknown> =>
  peer.ask(channel, 'queue.declare', { queue, passive: true })

describeDifferential('tx', (differential) => {
  differential('publishes wait for the commit, and are gone after a rollback', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'tx.select')
    await peer.ask(1, 'tx.select')
    for (const body of ['a', 'b']) peer.publish(1, { routingKey: queue, body, properties: { deliveryMode: 2 } })
    await peer.rest(1)
    await count(peer, queue)
    await peer.ask(1, 'tx.commit')
    await count(peer, queue)
    peer.publish(1, { routingKey: queue, body: 'c' })
    await peer.ask(1, 'tx.rollback')
    await peer.ask(1, 'tx.commit')
    await count(peer, queue)
    for (let n = 0; n < 3; n++) await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
  })

  differential('what no queue takes is returned before commit-ok', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'tx.select')
    peer.publish(1, { routingKey: 'nowhere', mandatory: true, body: 'x' })
    peer.publish(1, { routingKey: queue, mandatory: true, body: 'y' })
    peer.publish(1, { routingKey: 'nowhere', body: 'z' })
    await peer.rest(1)
    peer.say(1, 'tx.commit')
    await peer.hearAll(1, 2)
    await count(peer, queue)
  })

  differential('commit and rollback without select', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'tx.commit')
    await peer.ask(2, 'tx.rollback')
  })

  differential('not together with confirms, either way round', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'tx.select')
    await peer.ask(1, 'confirm.select')
    await peer.ask(2, 'confirm.select')
    await peer.ask(2, 'tx.select')
  })

  differential(
    'a publish to an exchange that is missing closes the channel, and nothing is published',
    async (script) => {
      const peer = await script.open('', [1, 2])
      const queue = await filled(script, peer, '')
      await peer.ask(1, 'tx.select')
      peer.publish(1, { routingKey: queue, body: 'a' })
      peer.publish(1, { exchange: script.name('missing') })
      await peer.hear(1)
      await count(peer, queue)
    },
  )

  differential('acknowledgements wait for the commit', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'abcd')
    await peer.ask(1, 'tx.select')
    for (let n = 0; n < 4; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 2, multiple: true })
    await peer.tell(1, 'basic.nack', { 'delivery-tag': 3, requeue: true })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 4 })
    await count(peer, queue)
    await peer.ask(1, 'tx.commit')
    await count(peer, queue)
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'basic.get', { queue })
  })

  differential('a rollback takes acknowledgements back, and delivers nothing again', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'abc')
    await peer.ask(1, 'tx.select')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hearAll(1, 3)
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 0, multiple: true })
    await peer.ask(1, 'tx.rollback')
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 2, multiple: true })
    await peer.ask(1, 'tx.commit')
    await peer.ask(1, 'channel.close', { 'reply-code': 200 })
    await peer.ask(2, 'basic.get', { queue })
    await peer.ask(2, 'basic.get', { queue })
  })

  differential('a tag that the transaction has settled is unknown', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'abc')
    await peer.ask(1, 'tx.select')
    for (let n = 0; n < 3; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 2 })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 3, multiple: true })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 0, multiple: true })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 1, requeue: true })
  })

  differential('the end of the channel gives up what is uncommitted', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'ab')
    await peer.ask(1, 'tx.select')
    for (let n = 0; n < 2; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    peer.publish(1, { routingKey: queue, body: 'c' })
    await peer.ask(1, 'channel.close', { 'reply-code': 200 })
    await count(peer, queue)
    for (let n = 0; n < 3; n++) await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
  })

  differential('basic.recover leaves what the transaction settles', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'abc')
    await peer.ask(1, 'tx.select')
    for (let n = 0; n < 3; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 2 })
    await peer.tell(1, 'basic.recover', { requeue: true })
    await count(peer, queue)
    await peer.ask(1, 'tx.commit')
    for (let n = 0; n < 3; n++) await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
  })

  differential('unsettled until the commit, deliveries count for the prefetch', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'ab')
    await peer.ask(1, 'tx.select')
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 1 })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hear(1)
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await count(peer, queue)
    peer.say(1, 'tx.commit')
    await peer.hearAll(1, 2)
  })

  differential('a queue that refuses a message makes the commit fail', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    const limits = { 'x-max-length': TypedField.number('I', 1), 'x-overflow': 'reject-publish' }
    await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: limits })
    await peer.ask(1, 'tx.select')
    for (const body of ['a', 'b']) peer.publish(1, { routingKey: queue, body })
    await peer.rest(1)
    await peer.ask(1, 'tx.commit')
    await count(peer, queue)
  })

  differential('copies by CC, and an alternate exchange, are routed at the commit', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'tx.select')
    peer.publish(1, { routingKey: 'nowhere', body: 'a', mandatory: true, properties: { headers: { CC: [queue] } } })
    await peer.ask(1, 'tx.commit')
    peer.publish(1, { routingKey: queue, properties: { headers: { CC: 'no array' } } })
    await peer.rest(1)
    await count(peer, queue)
  })
})
