import { describeDifferential } from './differential.test-support.ts'

describeDifferential('channels', (differential) => {
  differential('a method on one that is not open', async (script) => {
    const peer = await script.open()
    await peer.ask(2, 'queue.declare', { queue: script.name('q') })
  })

  differential('open a second time', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'channel.open')
  })

  differential(
    'a number above what was agreed',
    async (script) => {
      const peer = await script.open('', [1], { channelMax: 10 })
      await peer.ask(10, 'channel.open')
      await peer.ask(11, 'channel.open')
    },
    {
      because: 'RabbitMQ counts channels, and lets the numbers be any',
      waybill: ['10: channel.open-ok', '11: connection.close 530 for 20.10 []'],
    },
  )

  differential('close is answered, and the number can be used again', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'channel.close', { 'reply-code': 200 })
    await peer.ask(1, 'channel.open')
    await peer.rest(1)
  })

  differential('close-ok that nobody asked for', async (script) => {
    const peer = await script.open()
    await peer.tell(1, 'channel.close-ok')
    await peer.tell(5, 'channel.close-ok')
  })

  differential('close of one that is not open', async (script) => {
    const peer = await script.open()
    await peer.ask(5, 'channel.close')
  })

  differential('an error closes it, and everything on it is passed over until close-ok', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue: script.name('missing'), passive: true })
    peer.say(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, body: 'nobody hears this' })
    peer.say(1, 'basic.ack', { 'delivery-tag': 99 })
    peer.say(1, 'channel.close-ok')
    await peer.ask(1, 'channel.open')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
  })

  differential('an error leaves the other channels alone', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'queue.declare', { queue: script.name('missing'), passive: true })
    await peer.ask(2, 'queue.declare', { queue: script.name('q'), exclusive: true })
  })

  differential('open before the close-ok that is due', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'queue.declare', { queue: script.name('missing'), passive: true })
    await peer.ask(1, 'channel.open')
  })

  differential('two closes that cross', async (script) => {
    const peer = await script.open()
    peer.say(1, 'queue.declare', { queue: script.name('missing'), passive: true })
    peer.say(1, 'channel.close')
    await peer.hearAll(1, 2)
    peer.say(1, 'channel.close-ok')
    await peer.ask(1, 'channel.open')
  })

  differential('close in the middle of a content', async (script) => {
    const peer = await script.open()
    peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
    await peer.tell(1, 'channel.close')
  })

  differential('close returns what is unsettled, marked, and ends the consumers', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(2, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    for (const body of ['one', 'two']) peer.publish(2, { routingKey: queue, body })
    await peer.hearAll(1, 2)
    await peer.ask(1, 'channel.close')
    await peer.ask(2, 'queue.declare', { queue, exclusive: true })
    for (let n = 0; n < 3; n++) await peer.ask(2, 'basic.get', { queue })
  })

  differential('flow', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'channel.flow', { active: true })
    await peer.ask(1, 'channel.flow', { active: false })
  })

  differential('flow-ok that nobody asked for', async (script) => {
    const peer = await script.open()
    await peer.tell(1, 'channel.flow-ok', { active: true })
  })

  differential('access.request', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'access.request', { realm: '/data' })
  })

  differential('an error of the connection ends all of it', async (script) => {
    const [peer, other] = [await script.open('a '), await script.open('b ')]
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'basic.qos', { 'prefetch-size': 1 })
    await peer.wire.ended()
    await other.ask(1, 'queue.declare', { queue, exclusive: true })
  })

  differential('requests in a row are answered in a row', async (script) => {
    const peer = await script.open()
    const names = ['a', 'b', 'c', 'd'].map((name) => script.name(name))
    for (const queue of names) peer.say(1, 'queue.declare', { queue, durable: true, exclusive: true })
    for (const queue of names) peer.say(1, 'queue.bind', { queue, exchange: 'amq.direct', 'routing-key': queue })
    peer.say(1, 'exchange.declare', { exchange: script.name('e'), type: 'fanout', 'auto-delete': true })
    for (const queue of names) peer.say(1, 'queue.delete', { queue })
    await peer.hearAll(1, 13)
  })
})
