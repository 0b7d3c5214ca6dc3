import { TypedField } from '../../wire/field-table.ts'
import { describeDifferential, type Script } from './differential.test-support.ts'
import type { Peer } from './peer.test-support.ts'

const int = (value: number): TypedField => TypedField.number('I', value)

/** A queue with messages, on channel 9. */
async function filled(script: Script, peer: Peer, bodies: string, table = {}): Promise<string> {
  const queue = script.name('q')
  await peer.wire.call(9, 'channel.open')
  await peer.wire.call(9, 'queue.declare', { queue, exclusive: true, arguments: table })
  for (const body of bodies) peer.publish(9, { routingKey: queue, body })
  await peer.wire.call(9, 'access.request')
  return queue
}

/** How many messages are ready, and how many consumers there are. */
async function count(peer: Peer, queue: string): Promise<void> {
  await peer.ask(9, 'queue.declare', { queue, passive: true })
}

describeDifferential('basic.consume', (differential) => {
  differential('consume-ok comes before the first delivery', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abc')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', 'no-ack': true })
    await peer.hearAll(1, 3)
  })

  differential('a tag from the server, and none with no-wait', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'basic.consume', { queue })
    await peer.tell(1, 'basic.consume', { queue, 'consumer-tag': 'c', 'no-wait': true })
    await count(peer, queue)
  })

  differential('a tag twice on a channel, and on two channels', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    for (const channel of [1, 2]) await peer.ask(channel, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
  })

  differential('a tag again after it was cancelled', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'a')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', 'no-ack': true })
    await peer.hear(1)
    await peer.ask(1, 'basic.cancel', { 'consumer-tag': 'c' })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
  })

  differential('a queue that is missing', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'basic.consume', { queue: script.name('missing') })
  })

  differential('exclusively, and beside somebody who does', async (script) => {
    const peer = await script.open('', [1, 2, 3])
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', exclusive: true })
    await peer.ask(2, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.ask(1, 'basic.cancel', { 'consumer-tag': 'c' })
    await peer.ask(3, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', exclusive: true })
  })

  for (const [title, value] of [
    ['a text', '5'],
    ['a boolean', true],
    ['a fraction', TypedField.number('d', 1.5)],
    ['negative', int(-5)],
    ['large', TypedField.long('l', 1n << 40n)],
  ] as const) {
    differential(`x-priority: ${title}`, async (script) => {
      const peer = await script.open()
      const queue = await filled(script, peer, '')
      await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', arguments: { 'x-priority': value } })
    })
  }

  differential('arguments that mean nothing here', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'a')
    const table = { 'x-cancel-on-ha-failover': true, 'x-whatever': 'a' }
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', 'no-local': true, arguments: table })
    await peer.hear(1)
  })

  differential('consumers of higher priority first, of one priority in turn', async (script) => {
    const peer = await script.open('', [1, 2, 3])
    const queue = await filled(script, peer, '')
    for (const [channel, priority] of [
      [1, 0],
      [2, 10],
      [3, 10],
    ] as const) {
      await peer.ask(channel, 'basic.qos', { 'prefetch-count': 2 })
      const table = { 'x-priority': int(priority) }
      await peer.ask(channel, 'basic.consume', { queue, 'consumer-tag': 'c', arguments: table })
    }
    for (const body of 'abcde') {
      peer.publish(9, { routingKey: queue, body })
      await peer.wire.call(9, 'access.request')
    }
    await peer.hearAll(2, 2)
    await peer.hearAll(3, 2)
    await peer.hear(1)
  })

  differential('consumers take turns', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    for (const channel of [1, 2]) await peer.ask(channel, 'basic.consume', { queue, 'consumer-tag': 'c' })
    for (const body of 'abcd') peer.publish(9, { routingKey: queue, body })
    for (const channel of [1, 2]) await peer.hearAll(channel, 2)
  })

  differential('a single active consumer is followed by the next', async (script) => {
    const peer = await script.open('', [1, 2, 3])
    const queue = await filled(script, peer, 'a', { 'x-single-active-consumer': true })
    for (const channel of [1, 2]) await peer.ask(channel, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hear(1)
    peer.publish(9, { routingKey: queue, body: 'b' })
    await peer.hear(1)
    await peer.ask(1, 'channel.close')
    await peer.hearAll(2, 2)
    await peer.ask(3, 'basic.consume', { queue, exclusive: true })
  })

  differential('exclusively, of a queue with a single active consumer', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, '', { 'x-single-active-consumer': true })
    await peer.ask(1, 'basic.consume', { queue, exclusive: true })
  })
})

describeDifferential('basic.cancel', (differential) => {
  differential('of a tag that nobody has, and with no-wait', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'basic.cancel', { 'consumer-tag': 'nobody' })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.tell(1, 'basic.cancel', { 'consumer-tag': 'c', 'no-wait': true })
    await count(peer, queue)
  })

  differential('leaves what was delivered unsettled', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'ab')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hearAll(1, 2)
    await peer.ask(1, 'basic.cancel', { 'consumer-tag': 'c' })
    await count(peer, queue)
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 2, requeue: true })
    await count(peer, queue)
  })

  differential('by the server, when the queue is deleted', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    for (const [channel, tag] of [
      [1, 'a'],
      [2, 'b'],
    ] as const)
      await peer.ask(channel, 'basic.consume', { queue, 'consumer-tag': tag })
    await peer.ask(9, 'queue.delete', { queue })
    for (const channel of [1, 2]) await peer.hear(channel)
  })

  differential('by the server on the channel that deletes the queue, behind its answer', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'a' })
    await peer.ask(1, 'queue.delete', { queue })
    await peer.hear(1)
  })

  differential('not to a client that does not know it', async (script) => {
    const peer = await script.open('', [1, 9], { clientProperties: {} })
    const queue = script.name('q')
    await peer.ask(9, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'a' })
    await peer.ask(9, 'queue.delete', { queue })
    await peer.rest(1)
  })
})

describeDifferential('basic.qos', (differential) => {
  differential('with a size', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'basic.qos', { 'prefetch-size': 10 })
  })

  differential('is for each consumer that begins later', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcdefgh')
    for (const [tag, count_] of [
      ['one', 1],
      ['two', 2],
    ] as const) {
      await peer.ask(1, 'basic.qos', { 'prefetch-count': count_ })
      await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': tag })
      await peer.hearAll(1, count_)
    }
    await peer.rest(1)
    await count(peer, queue)
    peer.say(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.hear(1)
    await count(peer, queue)
  })

  differential('global is for all consumers of the channel together', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcdefgh')
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 3, global: true })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'one' })
    await peer.hearAll(1, 3)
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'two' })
    await peer.rest(1)
    await count(peer, queue)
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 5, global: true })
    for (let n = 0; n < 2; n++) await peer.wire.hear(1)
    await count(peer, queue)
  })

  differential('both at once: the narrower one counts', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcdefgh')
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 3 })
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 2, global: true })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'one' })
    await peer.hearAll(1, 2)
    await count(peer, queue)
  })

  differential('limits neither basic.get nor consumers without acknowledgement', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcde')
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 1, global: true })
    for (let n = 0; n < 3; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', 'no-ack': true })
    await peer.hearAll(1, 2)
  })
})

describeDifferential('basic.get', (differential) => {
  differential('counts what is left, shares its tags with deliveries', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcd')
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 1 })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hear(1)
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'basic.get', { queue })
  })

  differential('from a queue that is missing', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'basic.get', { queue: script.name('missing') })
  })

  differential('from a quorum queue with a single active consumer', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    const table = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true }
    await peer.ask(1, 'queue.declare', { queue, durable: true, arguments: table })
    await peer.ask(1, 'basic.get', { queue })
  })

  differential('from a queue that somebody consumes exclusively', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, '')
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', exclusive: true })
    await peer.ask(2, 'basic.get', { queue })
  })
})

describeDifferential('settling', (differential) => {
  for (const [title, method, fields] of [
    ['ack', 'basic.ack', {}],
    ['ack of several', 'basic.ack', { multiple: true }],
    ['nack', 'basic.nack', {}],
    ['nack of several', 'basic.nack', { multiple: true, requeue: true }],
    ['reject', 'basic.reject', {}],
  ] as const) {
    for (const tag of [0, 1, 5]) {
      differential(`${title} by tag ${tag}, where nothing is unsettled`, async (script) => {
        const peer = await script.open()
        await peer.tell(1, method, { 'delivery-tag': tag, ...fields })
      })
    }
  }

  differential('twice', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'ab')
    for (let n = 0; n < 2; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
  })

  differential('a delivery without acknowledgement', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'a')
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
  })

  differential('several up to a tag that is settled, or to come', async (script) => {
    for (const tag of [2, 9]) {
      const peer = await script.open(`${tag} `)
      const queue = await filled(script, peer, 'abcd')
      for (let n = 0; n < 3; n++) await peer.wire.call(1, 'basic.get', { queue })
      await peer.tell(1, 'basic.ack', { 'delivery-tag': 2 })
      await peer.tell(1, 'basic.ack', { 'delivery-tag': tag, multiple: true })
      await peer.wire.close()
    }
  })

  differential('several, and all of them by tag 0', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcdef')
    for (let n = 0; n < 6; n++) await peer.wire.call(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 2, multiple: true })
    await peer.tell(1, 'basic.nack', { 'delivery-tag': 4, multiple: true, requeue: true })
    await count(peer, queue)
    await peer.tell(1, 'basic.nack', { 'delivery-tag': 0, multiple: true, requeue: true })
    await count(peer, queue)
    for (let n = 0; n < 5; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 0, multiple: true })
    await count(peer, queue)
  })

  differential('what is returned comes before what is younger, marked', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'abcd')
    for (let n = 0; n < 3; n++) await peer.wire.call(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 2, requeue: true })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 1, requeue: true })
    for (let n = 0; n < 4; n++) await peer.ask(1, 'basic.get', { queue })
  })

  differential('what is rejected without a dead-letter exchange is gone', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'ab')
    for (let n = 0; n < 2; n++) await peer.wire.call(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 1 })
    await peer.tell(1, 'basic.nack', { 'delivery-tag': 2 })
    await peer.ask(1, 'basic.get', { queue })
  })

  differential('by the tag of another channel', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = await filled(script, peer, 'a')
    await peer.ask(1, 'basic.get', { queue })
    await peer.tell(2, 'basic.ack', { 'delivery-tag': 1 })
  })

  for (const method of ['basic.recover', 'basic.recover-async']) {
    differential(`${method} returns everything`, async (script) => {
      const peer = await script.open()
      const queue = await filled(script, peer, 'abc')
      for (let n = 0; n < 2; n++) await peer.wire.call(1, 'basic.get', { queue })
      await peer.tell(1, method, { requeue: true })
      for (let n = 0; n < 3; n++) await peer.ask(1, 'basic.get', { queue })
    })

    differential(`${method} without requeue`, async (script) => {
      const peer = await script.open()
      await peer.tell(1, method, {})
    })
  }

  differential('returned to its consumer, again and again', async (script) => {
    const peer = await script.open()
    const queue = await filled(script, peer, 'ab')
    await peer.ask(1, 'basic.qos', { 'prefetch-count': 1 })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    for (let tag = 1; tag < 4; tag++) {
      await peer.hear(1)
      peer.say(1, 'basic.reject', { 'delivery-tag': tag, requeue: true })
    }
    await peer.hear(1)
    peer.say(1, 'basic.ack', { 'delivery-tag': 4 })
    await peer.hear(1)
  })

  differential('a client that is gone has settled nothing', async (script) => {
    const [peer, other] = [await script.open('a '), await script.open('b ')]
    const queue = script.name('shared')
    await other.ask(1, 'queue.declare', { queue })
    for (const body of 'abc') other.publish(1, { routingKey: queue, body })
    await other.rest(1)
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hearAll(1, 3)
    await other.ask(1, 'basic.consume', { queue, 'consumer-tag': 'd', 'no-ack': true })
    peer.wire.drop()
    await other.hearAll(1, 3)
  })
})
