import { decodeProperties } from '../../wire/properties.ts'
import { shortStrings } from '../../wire/short-strings.ts'
import { TypedField } from '../../wire/field-table.ts'
import { describeDifferential, type Script } from './differential.test-support.ts'
import { FRAME } from './hearing.test-support.ts'
import { headerPayload, type Publish } from './wire-client.test-support.ts'

describeDifferential('basic.publish', (differential) => {
  differential('to an exchange that is missing closes the channel, once the content has come', async (script) => {
    const peer = await script.open()
    const exchange = script.name('missing')
    peer.say(1, 'basic.publish', { exchange })
    peer.wire.frame(FRAME.header, 1, headerPayload(4, Buffer.of(0, 0)))
    peer.wire.frame(FRAME.body, 1, Buffer.from('body'))
    await peer.hear(1)
    peer.say(1, 'channel.close-ok')
    await peer.ask(1, 'channel.open')
  })

  differential('to an exchange that is missing, with confirms, is neither acknowledged nor refused', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'confirm.select')
    peer.publish(1, { exchange: script.name('missing') })
    await peer.hear(1)
  })

  differential('immediate', async (script) => {
    const peer = await script.open()
    peer.publish(1, { immediate: true })
    await peer.hear(1)
  })

  differential('mandatory and unroutable is returned as it is', async (script) => {
    const peer = await script.open()
    const properties = { contentType: 'text/plain', headers: { a: TypedField.number('s', -1), b: ['x', null] } }
    for (const publish of [
      { routingKey: 'nowhere', body: 'gone', properties },
      { exchange: 'amq.direct', routingKey: 'nowhere' },
      { exchange: 'amq.topic', routingKey: 'a.b', body: Buffer.alloc(200_000, 7), properties },
    ] satisfies Publish[]) {
      peer.publish(1, { ...publish, mandatory: true })
      await peer.rest(1)
    }
  })

  differential('mandatory and routable is not returned, unroutable and not mandatory neither', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, mandatory: true })
    peer.publish(1, { routingKey: 'nowhere' })
    await peer.rest(1)
  })

  differential('user-id must be that of the login', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, properties: { userId: 'guest' } })
    await peer.rest(1)
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    peer.publish(1, { routingKey: queue, properties: { userId: 'somebody' } })
    await peer.rest(1)
  })

  for (const expiration of [
    '0',
    '100000',
    '',
    ' 5',
    '5 ',
    'soon',
    '-1',
    '1.5',
    '315360000000',
    '315360000001',
    '1e3',
  ]) {
    differential(`expiration '${expiration}'`, async (script) => {
      const peer = await script.open()
      peer.publish(1, { exchange: 'amq.fanout', properties: { expiration } })
      await peer.rest(1)
    })
  }

  differential('properties go through octet by octet', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const properties of [
      Buffer.of(0, 0),
      all(),
      Buffer.concat([
        Buffer.of(0x20, 0),
        sized('\u0001at\u0005\u0001bb\u0080\u0001bB\u0080\u0001cD\u0002\u0000\u0000\u0001\u0000'),
      ]),
      Buffer.concat([
        Buffer.of(0x20, 0),
        sized('\u0001aA\u0000\u0000\u0000\u0003VVV\u0001aV\u0001ax\u0000\u0000\u0000\u0002\u00ff\u0000'),
      ]),
      Buffer.concat([
        Buffer.of(0x20, 0),
        sized('\u0001af\u0040\u0049\u000f\u00db\u0002abT\u0000\u0000\u0000\u0000\u00ff\u0000\u0000\u0000'),
      ]),
      Buffer.concat([Buffer.of(0x20, 0), sized('\u0000S\u0000\u0000\u0000\u0002\u00ff\u00fe')]),
      Buffer.concat([Buffer.of(0x04, 0), Buffer.of(4, 0xff, 0xfe, 0, 0x80)]),
    ]) {
      peer.publish(1, { routingKey: queue, properties, body: 'm' })
      await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    }
  })

  const crash = 'it is an internal error of RabbitMQ'
  for (const [title, properties, isLegal] of [
    ['of flags alone, without what they announce', Buffer.of(0x80, 0), crash],
    ['with octets that no flag announces', Buffer.of(0, 0, 1, 2, 3), crash],
    ['with a second word of flags', Buffer.of(0, 1, 0, 0), crash],
    ['with the flag that nothing is known of', Buffer.of(0, 2), true],
    ['with headers longer than they are', Buffer.of(0x20, 0, 0, 0, 0, 50, 1, 97, 86), crash],
    ['with headers that end within a field', Buffer.of(0x20, 0, 0, 0, 0, 5, 1, 97, 73, 0, 0), crash],
    ['with a header of an unknown type', Buffer.of(0x20, 0, 0, 0, 0, 3, 1, 97, 90), crash],
    ['with a header whose name is not UTF-8', Buffer.of(0x20, 0, 0, 0, 0, 3, 1, 0xff, 86), 'RabbitMQ passes it on'],
  ] as const) {
    const run = async (script: Script): Promise<void> => {
      const peer = await script.open()
      peer.publish(1, { routingKey: script.name('q'), properties })
      await peer.rest(1)
    }
    const waybill = ['1: connection.close 502 for 60.40 []']
    differential(`properties ${title}`, run, isLegal === true ? undefined : { because: isLegal, waybill })
  }

  differential('bodies of no octets, in frames of none, and split as they like', async (script) => {
    const peer = await script.open('', [1], { frameMax: 4096 })
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue })
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    peer.say(1, 'basic.publish', { 'routing-key': queue })
    peer.wire.frame(FRAME.header, 1, headerPayload(4, Buffer.of(0, 0)))
    for (const part of ['', 'b', 'od', '', 'y']) peer.wire.frame(FRAME.body, 1, Buffer.from(part))
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    for (const octets of [4088, 4089, 8176, 20_000]) {
      peer.publish(1, { routingKey: queue, body: Buffer.alloc(octets, 1), frameOctets: 1000 })
      await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    }
  })

  differential('a body frame of nothing after a body of nothing', async (script) => {
    const peer = await script.open()
    peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
    peer.wire.frame(FRAME.header, 1, headerPayload(0, Buffer.of(0, 0)))
    peer.wire.frame(FRAME.body, 1)
    await peer.rest(1)
  })

  differential('large bodies come in frames of what was agreed', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'c', 'no-ack': true })
    for (const octets of [131_063, 131_064, 131_065, 300_000]) {
      peer.publish(1, { routingKey: queue, body: Buffer.alloc(octets, 1), frameOctets: 50_000 })
      await peer.hear(1)
    }
  })
})

describeDifferential('direct reply-to', (differential) => {
  const REPLY = 'amq.rabbitmq.reply-to'

  differential('a question and its answer', async (script) => {
    const [asking, answering] = [await script.open('a ', [1, 2]), await script.open('b ')]
    const queue = script.name('q')
    await answering.ask(1, 'queue.declare', { queue, exclusive: true })
    await asking.ask(1, 'basic.consume', { queue: REPLY, 'consumer-tag': 'r', 'no-ack': true })
    const properties = { replyTo: REPLY, correlationId: '1', headers: { a: 'b' }, appId: 'x' }
    asking.publish(1, { routingKey: queue, body: 'question', properties })
    await asking.rest(1)
    const got = await answering.wire.call(1, 'basic.get', { queue, 'no-ack': true })
    const replyTo = decodeProperties(got.content?.properties ?? Buffer.of(0, 0)).replyTo ?? ''
    answering.publish(1, { routingKey: replyTo, body: 'answer', properties: { correlationId: '1' } })
    await answering.rest(1)
    await asking.hear(1)
    await answering.ask(1, 'queue.declare', { queue: replyTo, passive: true })
    await asking.ask(1, 'basic.cancel', { 'consumer-tag': 'r' })
    answering.publish(1, { routingKey: replyTo, body: 'late', mandatory: true })
    await answering.rest(1)
  })

  differential(
    'an answer that is mandatory',
    async (script) => {
      const peer = await script.open('', [1, 2, 3])
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
      await peer.ask(2, 'basic.consume', { queue: REPLY, 'consumer-tag': 'r', 'no-ack': true })
      peer.publish(2, { routingKey: script.name('q'), properties: { replyTo: REPLY } })
      await peer.rest(2)
      const { content } = await peer.wire.call(1, 'basic.get', { queue: script.name('q'), 'no-ack': true })
      peer.publish(3, { routingKey: content?.properties.toString('latin1', 3) ?? '', mandatory: true })
      await peer.hear(2)
      await peer.rest(3)
    },
    {
      because: 'RabbitMQ returns it although it has been delivered',
      waybill: [
        '1: queue.declare-ok queue=q messages=0 consumers=0',
        '2: basic.consume-ok consumer-tag=r',
        '2: basic.deliver consumer-tag=r delivery-tag=1 redelivered=false exchange= routing-key=amq.rabbitmq.reply-to.* properties="\\u0000\\u0000" body=',
      ],
    },
  )

  differential('by an exchange other than the default one goes nowhere', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'basic.consume', { queue: REPLY, 'consumer-tag': 'r', 'no-ack': true })
    peer.publish(1, { exchange: 'amq.direct', routingKey: REPLY, mandatory: true })
    await peer.rest(1)
  })

  differential('needs a consumer of replies on the channel', async (script) => {
    const peer = await script.open()
    peer.publish(1, { routingKey: 'nowhere', properties: { replyTo: REPLY } })
    await peer.rest(1)
  })

  differential('does not acknowledge', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'basic.consume', { queue: REPLY })
  })

  differential('is consumed once in a channel', async (script) => {
    const peer = await script.open()
    for (const tag of ['a', 'b'])
      await peer.ask(1, 'basic.consume', { queue: REPLY, 'consumer-tag': tag, 'no-ack': true })
  })

  differential('has a tag that no other consumer of the channel may have', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
    for (const queue of [REPLY, script.name('q')])
      await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': 'a', 'no-ack': true })
  })

  differential('asked about passively, and by other methods', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.declare', { queue: REPLY, passive: true })
    await peer.ask(1, 'queue.declare', { queue: `${REPLY}.nobody`, passive: true })
    for (const method of ['basic.get', 'queue.purge', 'queue.delete']) {
      const other = await script.open()
      await other.ask(1, method, { queue: REPLY })
      await other.wire.close()
    }
  })

  differential('a publish to the pseudo-queue itself', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'basic.consume', { queue: REPLY, 'consumer-tag': 'r', 'no-ack': true })
    peer.publish(1, { routingKey: REPLY, mandatory: true, body: 'me' })
    await peer.rest(1)
  })
})

describeDifferential('confirms', (differential) => {
  differential('every publish is confirmed once, routable or not', async (script) => {
    const peer = await script.open('', [1, 2])
    const [durable, transient] = [script.name('d'), script.name('t')]
    await peer.ask(2, 'queue.declare', { queue: durable, durable: true })
    await peer.ask(2, 'queue.declare', { queue: transient, exclusive: true })
    await peer.ask(1, 'confirm.select')
    await peer.ask(1, 'confirm.select')
    for (let n = 0; n < 30; n++) {
      const routingKey = [durable, transient, 'nowhere'][n % 3] ?? ''
      peer.publish(1, { routingKey, properties: { deliveryMode: n % 2 === 0 ? 2 : 1 }, body: String(n) })
    }
    await peer.confirms(1, 30)
    await peer.rest(1)
  })

  differential('count from confirm.select on', async (script) => {
    const peer = await script.open()
    peer.publish(1, { routingKey: 'nowhere' })
    await peer.tell(1, 'confirm.select', { 'no-wait': true })
    peer.publish(1, { routingKey: 'nowhere' })
    await peer.confirms(1, 1)
  })

  differential('what is returned is returned before it is confirmed', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'confirm.select')
    for (const body of ['a', 'b']) {
      peer.publish(1, { routingKey: 'nowhere', mandatory: true, body })
      await peer.hearAll(1, 2)
    }
  })

  differential('a full queue refuses, and takes again when it has room', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    const table = { 'x-max-length': TypedField.number('I', 1), 'x-overflow': 'reject-publish' }
    await peer.ask(2, 'queue.declare', { queue, exclusive: true, arguments: table })
    await peer.ask(1, 'confirm.select')
    for (let n = 0; n < 2; n++) {
      for (const body of ['a', 'b']) {
        peer.publish(1, { routingKey: queue, body, mandatory: true })
        await peer.confirms(1, 1)
      }
      await peer.ask(2, 'basic.get', { queue, 'no-ack': true })
    }
  })

  differential(
    'one full queue of two refuses for both',
    async (script) => {
      const peer = await script.open('', [1, 2])
      const [full, other] = [script.name('full'), script.name('other')]
      const table = { 'x-max-length': TypedField.number('I', 0), 'x-overflow': 'reject-publish' }
      await peer.wire.call(2, 'queue.declare', { queue: full, exclusive: true, arguments: table })
      await peer.wire.call(2, 'queue.declare', { queue: other, exclusive: true })
      for (const queue of [full, other])
        await peer.wire.call(2, 'queue.bind', { queue, exchange: 'amq.direct', 'routing-key': full })
      await peer.wire.call(1, 'confirm.select')
      peer.publish(1, { exchange: 'amq.direct', routingKey: full, body: 'm' })
      await peer.confirms(1, 1)
      await peer.ask(2, 'basic.get', { queue: other, 'no-ack': true })
    },
    {
      because: 'in RabbitMQ the other queue takes it, and who publishes it again has it there twice',
      waybill: ['1: confirmed nack 1', '2: basic.get-empty'],
    },
  )
})

/** All properties there are. */
function all(): Buffer {
  const headers = sized('\u0001aS\u0000\u0000\u0000\u0001b')
  const before = Buffer.from(shortStrings('text/plain', 'gzip'))
  const middle = Buffer.from(shortStrings('correlation', 'reply', '100000', 'message'))
  const after = Buffer.from(shortStrings('type', 'guest', 'app', 'cluster'))
  const timestamp = Buffer.of(0xff, 0, 0, 0, 0, 0, 0, 1)
  return Buffer.concat([Buffer.of(0xff, 0xfc), before, headers, Buffer.of(2, 9), middle, timestamp, after])
}

function sized(latin1: string): Buffer {
  const octets = Buffer.from(latin1, 'latin1')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(octets.length)
  return Buffer.concat([length, octets])
}
