import { describeDifferential } from './differential.test-support.ts'

describeDifferential('tx', (differential) => {
  differential('select twice, commit and rollback of nothing', async (script) => {
    const peer = await script.open()
    for (const method of ['tx.select', 'tx.select', 'tx.commit', 'tx.rollback', 'tx.commit']) await peer.ask(1, method)
  })

  for (const method of ['tx.commit', 'tx.rollback']) {
    differential(`${method} without select`, async (script) => {
      const peer = await script.open()
      await peer.ask(1, method)
    })
  }

  differential('neither confirms in a transaction, nor transactions with confirms', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'tx.select')
    await peer.ask(1, 'confirm.select')
    await peer.ask(2, 'confirm.select')
    await peer.ask(2, 'tx.select')
  })

  differential('what is published is there with the commit, and not after a rollback', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(2, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'tx.select')
    for (const body of ['a', 'b']) peer.publish(1, { routingKey: queue, body })
    await peer.rest(1)
    await peer.ask(2, 'queue.declare', { queue, passive: true })
    await peer.ask(1, 'tx.commit')
    peer.publish(1, { routingKey: queue, body: 'c' })
    await peer.ask(1, 'tx.rollback')
    for (let n = 0; n < 3; n++) await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
  })

  differential('what is returned is returned before commit-ok', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'tx.select')
    for (const body of ['a', 'b']) peer.publish(1, { routingKey: 'nowhere', body, mandatory: true })
    await peer.rest(1)
    peer.say(1, 'tx.commit')
    await peer.hearAll(1, 3)
  })

  differential('what is settled is settled with the commit, and unsettled after a rollback', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(2, 'queue.declare', { queue, exclusive: true })
    for (const body of ['a', 'b', 'c']) peer.publish(2, { routingKey: queue, body })
    await peer.rest(2)
    await peer.ask(1, 'tx.select')
    for (let n = 0; n < 3; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.ask(1, 'tx.rollback')
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 2, requeue: true })
    await peer.ask(1, 'tx.commit')
    await peer.ask(1, 'channel.close')
    for (let n = 0; n < 3; n++) await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
  })

  differential('a tag settled twice in one', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, body: 'a' })
    await peer.ask(1, 'tx.select')
    await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
  })

  differential('a publish to an exchange that is missing', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'tx.select')
    peer.publish(1, { exchange: script.name('missing') })
    await peer.rest(1)
  })

  differential('a channel that closes commits nothing', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(2, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'tx.select')
    peer.publish(1, { routingKey: queue, body: 'a' })
    await peer.ask(1, 'channel.close')
    await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
  })
})
