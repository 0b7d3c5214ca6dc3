import { TypedField, type FieldTable } from '../../wire/field-table.ts'
import type { BasicProperties } from '../../wire/properties.ts'
import { describeDifferential, type Script } from './differential.test-support.ts'
import type { Peer } from './peer.test-support.ts'

const int = (value: number): TypedField => TypedField.number('I', value)

/** A queue `q` whose dead letters come to a consumer of `dead` on channel 2; it takes all that `dlx` routes. */
async function withDeadLetters(script: Script, table: FieldTable = {}): Promise<Peer> {
  const peer = await script.open('', [1, 2, 3])
  const [queue, dead, dlx] = [script.name('q'), script.name('dead'), script.name('dlx')]
  await peer.ask(1, 'exchange.declare', { exchange: dlx, type: 'fanout', 'auto-delete': true })
  await peer.ask(1, 'queue.declare', { queue: dead, exclusive: true })
  await peer.ask(1, 'queue.bind', { queue: dead, exchange: dlx })
  await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: { 'x-dead-letter-exchange': dlx, ...table } })
  await peer.ask(2, 'basic.consume', { queue: dead, 'consumer-tag': 'dead', 'no-ack': true })
  return peer
}

describeDifferential('dead letters', (differential) => {
  for (const [title, properties] of [
    ['without properties', {}],
    ['with properties', { contentType: 'text/plain', priority: 3, messageId: 'm', deliveryMode: 2 }],
    ['with headers', { headers: { a: int(1), 'x-b': [true, null], c: { d: new Uint8Array([1]) } } }],
    ['with an expiration', { expiration: '100000', headers: {} }],
    ['with CC', { headers: { CC: ['elsewhere', 'nowhere'] } }],
  ] satisfies [string, BasicProperties][]) {
    differential(`of a rejected message ${title}`, async (script) => {
      const peer = await withDeadLetters(script)
      peer.publish(1, { routingKey: script.name('q'), properties, body: 'm' })
      await peer.ask(1, 'basic.get', { queue: script.name('q') })
      peer.say(1, 'basic.reject', { 'delivery-tag': 1 })
      await peer.hear(2)
    })
  }

  differential('of several by nack', async (script) => {
    const peer = await withDeadLetters(script)
    for (const body of 'abc') peer.publish(1, { exchange: '', routingKey: script.name('q'), body })
    for (let n = 0; n < 3; n++) await peer.ask(1, 'basic.get', { queue: script.name('q') })
    peer.say(1, 'basic.nack', { 'delivery-tag': 2, multiple: true })
    await peer.hearAll(2, 2)
  })

  differential('under another routing key', async (script) => {
    const peer = await withDeadLetters(script, { 'x-dead-letter-routing-key': 'another' })
    peer.publish(1, { routingKey: script.name('q'), properties: { headers: { CC: ['x'], BCC: ['y'] } }, body: 'm' })
    await peer.ask(1, 'basic.get', { queue: script.name('q') })
    peer.say(1, 'basic.reject', { 'delivery-tag': 1 })
    await peer.hear(2)
  })

  differential('of messages that expire: by their own time, and by that of the queue', async (script) => {
    for (const [table, expiration] of [
      [{}, '30'],
      [{ 'x-message-ttl': int(30) }, undefined],
      [{ 'x-message-ttl': int(30) }, '100000'],
      [{ 'x-message-ttl': int(100_000) }, '30'],
      [{}, '0'],
      [{ 'x-message-ttl': int(0) }, undefined],
    ] as const) {
      const peer = await withDeadLetters(script, table)
      peer.publish(1, { routingKey: script.name('q'), properties: { expiration }, body: 'm' })
      await peer.hear(2)
      await peer.wire.close()
    }
  })

  differential('of the oldest, where a queue has too many', async (script) => {
    for (const table of [{ 'x-max-length': int(2) }, { 'x-max-length-bytes': int(4) }]) {
      const peer = await withDeadLetters(script, table)
      for (const body of ['aa', 'bb', 'cc']) peer.publish(1, { routingKey: script.name('q'), body })
      await peer.hear(2)
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), passive: true })
      await peer.wire.close()
    }
  })

  differential('of the newest, by reject-publish-dlx', async (script) => {
    const peer = await withDeadLetters(script, { 'x-max-length': int(1), 'x-overflow': 'reject-publish-dlx' })
    await peer.ask(3, 'confirm.select')
    for (const body of ['a', 'b']) {
      peer.publish(3, { routingKey: script.name('q'), body })
      await peer.confirms(3, 1)
    }
    await peer.hear(2)
  })

  differential('again: from the same queue, and from another', async (script) => {
    const peer = await script.open('', [1, 2])
    const [first, second] = [script.name('q'), script.name('q2')]
    for (const [queue, next] of [
      [first, second],
      [second, first],
    ] as const) {
      const table = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': next }
      await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: table })
    }
    peer.publish(1, { routingKey: first, body: 'm' })
    await peer.ask(1, 'basic.consume', { queue: first, 'consumer-tag': 'first' })
    await peer.ask(2, 'basic.consume', { queue: second, 'consumer-tag': 'second' })
    for (let round = 1; round < 4; round++) {
      for (const channel of [1, 2]) {
        await peer.hear(channel)
        peer.say(channel, 'basic.reject', { 'delivery-tag': round })
      }
    }
  })

  differential('that would go round without anybody rejecting them are dropped', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    const table = { 'x-dead-letter-exchange': '', 'x-message-ttl': int(20) }
    await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: table })
    peer.publish(1, { routingKey: queue, body: 'm' })
    await goneFrom(peer, queue)
  })

  differential('for an exchange that is not there are dropped', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    const table = { 'x-dead-letter-exchange': script.name('missing'), 'x-message-ttl': int(20) }
    await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: table })
    peer.publish(1, { routingKey: queue, body: 'm' })
    await goneFrom(peer, queue)
  })

  differential('headers of a client that look like those of a death', async (script) => {
    const peer = await withDeadLetters(script)
    for (const headers of [
      { 'x-death': 'a text' },
      { 'x-death': [{ queue: script.name('q'), reason: 'rejected' }] },
      { 'x-death': [{ queue: script.name('q'), reason: 'rejected', count: TypedField.long('l', 7n) }] },
      { 'x-first-death-queue': 'mine' },
    ] as const) {
      peer.publish(1, { routingKey: script.name('q'), properties: { headers }, body: 'm' })
      const got = await peer.ask(1, 'basic.get', { queue: script.name('q') })
      peer.say(1, 'basic.reject', { 'delivery-tag': got.fields['delivery-tag'] ?? 0 })
      await peer.hear(2)
    }
  })
})

describeDifferential('expiry', (differential) => {
  differential('only at the head of the queue, and not of what is unsettled', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, body: 'long' })
    peer.publish(1, { routingKey: queue, body: 'short', properties: { expiration: '1' } })
    await new Promise((resolve) => setTimeout(resolve, 30))
    await peer.ask(1, 'queue.declare', { queue, passive: true })
    const { content } = await peer.wire.call(1, 'basic.get', { queue })
    peer.note(String(content?.body))
    await peer.ask(1, 'basic.get', { queue })
  })

  differential('of nothing: for a consumer that can take it now', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: { 'x-message-ttl': int(0) } })
    peer.publish(1, { routingKey: queue, body: 'nobody' })
    await peer.rest(1)
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(2, 'basic.qos', { 'prefetch-count': 1 })
    await peer.ask(2, 'basic.consume', { queue, 'consumer-tag': 'c' })
    for (const body of ['somebody', 'too many']) peer.publish(1, { routingKey: queue, body })
    await peer.hear(2)
    await peer.rest(1)
    await peer.ask(1, 'queue.declare', { queue, passive: true })
  })

  differential('of a queue that nobody uses', async (script) => {
    const peer = await script.open('', [1])
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, arguments: { 'x-expires': int(60) } })
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 150))
      const { name } = await peer.wire.call(1, 'queue.declare', { queue, passive: true })
      if (name === 'channel.close') return peer.note('gone')
    }
  })
})

describeDifferential('priorities', (differential) => {
  differential('the highest first, in order within one, capped at that of the queue', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: { 'x-max-priority': int(3) } })
    for (const [n, priority] of [1, undefined, 3, 0, 200, 1, 2, 3].entries())
      peer.publish(1, { routingKey: queue, body: String(n), properties: { priority } })
    await peer.rest(1)
    for (let n = 0; n < 4; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.tell(1, 'basic.nack', { 'delivery-tag': 3, multiple: true, requeue: true })
    for (let n = 0; n < 8; n++) await peer.ask(1, 'basic.get', { queue })
  })
})

describeDifferential('quorum queues', (differential) => {
  differential('count deliveries in a header, and give up after the limit', async (script) => {
    const peer = await script.open('', [1, 2])
    const [queue, dead] = [script.name('q'), script.name('dead')]
    await peer.ask(1, 'queue.declare', { queue: dead, exclusive: true })
    const table = {
      'x-queue-type': 'quorum',
      'x-delivery-limit': int(2),
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': dead,
    }
    await peer.ask(1, 'queue.declare', { queue, durable: true, arguments: table })
    await peer.ask(2, 'confirm.select')
    const headers = { a: 'b', n: TypedField.number('s', 3) }
    peer.publish(2, { routingKey: queue, body: 'm', properties: { headers, deliveryMode: 2, appId: 'x' } })
    await peer.confirms(2, 1)
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.ask(2, 'basic.consume', { queue: dead, 'consumer-tag': 'd', 'no-ack': true })
    for (let tag = 1; tag < 4; tag++) {
      await peer.hear(1)
      peer.say(1, 'basic.reject', { 'delivery-tag': tag, requeue: true })
    }
    await peer.hear(2)
  })
})

async function goneFrom(peer: Peer, queue: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { fields } = await peer.wire.call(1, 'queue.declare', { queue, passive: true })
    if (fields['messages'] === 0) return peer.note('gone')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
