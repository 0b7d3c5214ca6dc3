import { encodeMethod } from './amqp-methods.test-support.ts'
import { describeDifferential, type Difference, type Script } from './differential.test-support.ts'
import { FRAME } from './hearing.test-support.ts'
import { frameOf, headerPayload } from './wire-client.test-support.ts'

const NO_PROPERTIES = Buffer.of(0, 0)

describeDifferential('frames', (differential) => {
  differential('larger than was agreed, by more than the eight octets that are overlooked', async (script) => {
    for (const octets of [4096, 4097, 10_000_000]) {
      const peer = await script.open(`${octets} `, [1], { frameMax: 4096 })
      peer.publish(1, { exchange: 'amq.fanout', body: Buffer.alloc(octets), frameOctets: octets })
      await peer.rest(1)
    }
  })

  differential('that do not end with their end octet', async (script) => {
    const peer = await script.open()
    const frame = frameOf(FRAME.method, 1, encodeMethod('basic.qos'))
    frame[frame.length - 1] = 0
    peer.wire.write(frame)
    await peer.hear(0)
  })

  for (const type of [0, 4, 5, 7, 9, 65, 255]) {
    differential(`of type ${type}, on channels 0 and 1 and one that is not open`, async (script) => {
      for (const channel of [0, 1, 7]) {
        const peer = await script.open()
        peer.wire.frame(type, channel, Buffer.of(1, 2, 3))
        await peer.hear(0)
      }
    })
  }

  differential('heartbeats on a channel, open or not', async (script) => {
    for (const channel of [1, 7]) {
      const peer = await script.open()
      peer.wire.frame(FRAME.heartbeat, channel)
      await peer.rest(channel)
    }
  })

  differential('a heartbeat with a payload', async (script) => {
    const peer = await script.open()
    peer.wire.frame(FRAME.heartbeat, 0, Buffer.of(1))
    await peer.rest(1)
  })

  differential('content on channel 0', async (script) => {
    for (const type of [FRAME.header, FRAME.body]) {
      const peer = await script.open()
      peer.wire.frame(type, 0, headerPayload(0, NO_PROPERTIES))
      await peer.hear(0)
    }
  })

  differential('content before its method', async (script) => {
    for (const type of [FRAME.header, FRAME.body]) {
      const peer = await script.open()
      peer.wire.frame(type, 1, headerPayload(0, NO_PROPERTIES))
      await peer.hear(0)
    }
  })

  differential('content on a channel that is not open', async (script) => {
    for (const type of [FRAME.header, FRAME.body]) {
      const peer = await script.open()
      peer.wire.frame(type, 7, headerPayload(0, NO_PROPERTIES))
      await peer.hear(0)
    }
  })

  differential('a method, or a body, where a header is due', async (script) => {
    for (const frame of [
      frameOf(FRAME.method, 1, encodeMethod('basic.qos')),
      frameOf(FRAME.body, 1, Buffer.from('early')),
    ]) {
      const peer = await script.open()
      peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
      peer.wire.write(frame)
      await peer.hear(0)
    }
  })

  differential('a method, or a header, where a body is due', async (script) => {
    for (const frame of [
      frameOf(FRAME.method, 1, encodeMethod('basic.qos')),
      frameOf(FRAME.header, 1, headerPayload(3, NO_PROPERTIES)),
    ]) {
      const peer = await script.open()
      peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
      peer.wire.frame(FRAME.header, 1, headerPayload(3, NO_PROPERTIES))
      peer.wire.write(frame)
      await peer.hear(0)
    }
  })

  differential('a header of another class, or with a weight', async (script) => {
    const weighty = headerPayload(0, NO_PROPERTIES)
    weighty.writeUInt16BE(7, 2)
    for (const header of [headerPayload(0, NO_PROPERTIES, 50), weighty]) {
      const peer = await script.open()
      peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
      peer.wire.frame(FRAME.header, 1, header)
      await peer.rest(1)
    }
  })

  differential('a body longer than was announced', async (script) => {
    const peer = await script.open()
    peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
    peer.wire.frame(FRAME.header, 1, headerPayload(3, NO_PROPERTIES))
    peer.wire.frame(FRAME.body, 1, Buffer.from('four'))
    await peer.rest(1)
  })

  differential(
    'a body larger than any may be',
    async (script) => {
      const peer = await script.open()
      peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
      peer.wire.frame(FRAME.header, 1, headerPayload(129 * 1024 * 1024, NO_PROPERTIES))
      await peer.rest(1)
    },
    { because: 'RabbitMQ takes all of it in first', waybill: ['1: channel.close 406 for 60.40 []'] },
  )

  differential(
    'a header too short for its fields',
    async (script) => {
      for (const payload of [Buffer.alloc(0), Buffer.alloc(11), headerPayload(0, Buffer.alloc(0))]) {
        const peer = await script.open()
        peer.say(1, 'basic.publish', { exchange: 'amq.fanout' })
        peer.wire.frame(FRAME.header, 1, payload)
        await peer.rest(1)
      }
    },
    {
      because: 'one without flags is an internal error of RabbitMQ',
      waybill: Array.from({ length: 3 }, () => '1: connection.close 501 for 60.40 []'),
    },
  )

  const crashes = (told: string): Difference => ({
    because: 'RabbitMQ ends the stream without a word',
    waybill: [`1: connection.close ${told} []`],
  })
  const passes = { because: 'what may follow in a later version is passed over', waybill: ['1: basic.qos-ok'] }
  for (const [title, payload, difference] of [
    ['a class that does not exist', Buffer.of(0, 99, 0, 10), crashes('503 for 99.10')],
    ['a method that does not exist', Buffer.of(0, 60, 0, 99), crashes('503 for 60.99')],
    ['a method that only servers send', Buffer.of(0, 60, 0, 11)],
    ['a method of the connection', Buffer.of(0, 10, 0, 51)],
    ['no method', Buffer.alloc(0)],
    ['half the number of a method', Buffer.of(0, 60)],
    ['a method that ends within its fields', Buffer.of(0, 50, 0, 10, 0, 0, 9, 1)],
    ['a method with octets too many', Buffer.of(0, 60, 0, 10, 0, 0, 0, 0, 0, 0, 0, 77), passes],
  ] satisfies [string, Uint8Array, Difference?][]) {
    const run = async (script: Script): Promise<void> => {
      const peer = await script.open()
      peer.wire.frame(FRAME.method, 1, payload)
      await peer.rest(1)
    }
    differential(`a method frame of a channel: ${title}`, run, difference)
  }

  for (const [title, payload, difference] of [
    ['a method of channels', encodeMethod('basic.qos')],
    ['channel.open', encodeMethod('channel.open')],
    ['a method out of turn', encodeMethod('connection.tune-ok')],
    ['a method that does not exist', Buffer.of(0, 10, 0, 99), crashes('504 for 10.99')],
    ['a method that only servers send', encodeMethod('connection.blocked')],
    ['close-ok that nobody asked for', encodeMethod('connection.close-ok')],
    ['no method', Buffer.alloc(0)],
  ] satisfies [string, Uint8Array, Difference?][]) {
    const run = async (script: Script): Promise<void> => {
      const peer = await script.open()
      peer.wire.frame(FRAME.method, 0, payload)
      await peer.rest(1)
    }
    differential(`a method frame of the connection: ${title}`, run, difference)
  }

  differential(
    'a short string that is not UTF-8',
    async (script) => {
      const wrong = Buffer.of(0xff, 0xfe)
      const declaring = await script.open('queue ')
      await declaring.tell(1, 'queue.declare', { queue: wrong, exclusive: true })
      const publishing = await script.open('key ')
      publishing.publish(1, { exchange: 'amq.topic', routingKey: wrong })
      await publishing.rest(1)
      const tagging = await script.open('tag ')
      await tagging.tell(1, 'basic.cancel', { 'consumer-tag': wrong })
    },
    {
      because: 'RabbitMQ takes routing keys of any octets, and does not say which method it refuses',
      waybill: [
        'queue 1: connection.close 501 for 50.10 []',
        'key 1: connection.close 501 for 60.40 []',
        'tag 1: connection.close 501 for 60.30 []',
      ],
    },
  )

  differential('frames of two channels take turns within their contents', async (script) => {
    const peer = await script.open('', [1, 2])
    const queues = [1, 2].map((channel) => script.name(`q${channel}`))
    for (const queue of queues) await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const [at, queue] of queues.entries()) peer.say(at + 1, 'basic.publish', { 'routing-key': queue })
    for (const channel of [2, 1]) peer.wire.frame(FRAME.header, channel, headerPayload(4, NO_PROPERTIES))
    for (const channel of [1, 2]) peer.wire.frame(FRAME.body, channel, Buffer.from(`a${channel}`))
    for (const channel of [2, 1]) peer.wire.frame(FRAME.body, channel, Buffer.from(`z${channel}`))
    await peer.rest(1)
    await peer.rest(2)
    for (const queue of queues) await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
  })
})
