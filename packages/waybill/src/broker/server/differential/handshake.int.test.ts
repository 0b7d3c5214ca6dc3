import { encodeMethod, textOf } from './amqp-methods.test-support.ts'
import { describeDifferential, type Script } from './differential.test-support.ts'
import type { Heard } from './hearing.test-support.ts'
import { ALL_CAPABILITIES, frameOf, HEADER, type Login, type WireClient } from './wire-client.test-support.ts'

describeDifferential('the handshake', (differential) => {
  differential('another protocol is answered by the header of this one', async (script) => {
    for (const header of ['AMQP\u0000\u0001\u0000\u0000', 'AMQP\u0003\u0001\u0000\u0000', 'HTTP/1.1']) {
      const peer = await script.connect()
      peer.wire.write(Buffer.from(header, 'latin1'))
      await peer.wire.ended()
      peer.note(JSON.stringify(peer.wire.preamble))
    }
  })

  differential('the header of 0-9-1 as some clients wrote it begins a connection', async (script) => {
    const peer = await script.connect()
    peer.wire.write(Buffer.from('AMQP\u0001\u0001\u0000\u0009', 'latin1'))
    const { name, fields } = await peer.wire.hear(0)
    peer.note(`${name} ${textOf(fields['version-major'])}-${textOf(fields['version-minor'])}`)
  })

  differential('start offers mechanisms, a locale, and what clients ask for among capabilities', async (script) => {
    const peer = await script.connect()
    peer.wire.write(HEADER)
    const { fields } = await peer.wire.hear(0)
    const properties = fields['server-properties'] as { capabilities: object; product: string }
    peer.note(textOf(fields['locales']))
    peer.note(textOf(fields['mechanisms']).split(' ').toSorted().join(' '))
    peer.note(Object.keys(properties.capabilities).toSorted().join(' '))
    peer.note(properties.product)
  })

  differential('tune offers 2047 channels, frames of 131072 octets and 60 seconds', async (script) => {
    const { wire, note } = await begun(script)
    const { name, fields } = await wire.logIn()
    note(`${name} ${JSON.stringify(fields)}`)
  })

  for (const [title, login] of [
    ['PLAIN without capabilities of the client', { clientProperties: {} }],
    ['AMQPLAIN', { mechanism: 'AMQPLAIN', response: amqplain('guest', 'guest') }],
    ['a wrong password', { password: 'wrong' }],
    ['a wrong password by AMQPLAIN', { mechanism: 'AMQPLAIN', response: amqplain('guest', 'wrong') }],
    ['an unknown user', { user: 'nobody' }],
  ] satisfies [string, Login][]) {
    differential(`login: ${title}`, async (script) => {
      const { wire, note } = await begun(script)
      note(brief(await wire.logIn(login)))
    })
  }

  differential('login: a client that cannot be told of its wrong password only sees the end', async (script) => {
    const { wire, note } = await begun(script)
    const before = performance.now()
    const heard = await wire.logIn({ password: 'wrong', clientProperties: {} })
    note(`${heard.name}, ${performance.now() - before > 900 ? 'after a while' : 'at once'}`)
  })

  differential(
    'login: PLAIN with its own identity',
    async (script) => {
      const { wire, note } = await begun(script)
      note(brief(await wire.logIn({ response: 'guest\0guest\0guest' })))
    },
    { because: 'RFC 4616 has an identity there, which RabbitMQ does not read', waybill: ['connection.tune'] },
  )

  differential('tune-ok with what was offered, and with less', async (script) => {
    for (const [channelMax, frameMax] of [
      [10, 4_096],
      [2_047, 131_072],
    ] as const) {
      const { wire, note } = await begun(script)
      note(brief(await tuneOk(wire, channelMax, frameMax)))
    }
  })

  const refused: readonly (readonly [string, (wire: WireClient) => Promise<Heard>, told: string])[] = [
    ['the identity of another', (wire) => wire.logIn({ response: 'somebody\0guest\0guest' }), '403 for 0.0'],
    ['an unknown mechanism', (wire) => wire.logIn({ mechanism: 'SCRAM-SHA-512' }), '403 for 0.0'],
    ['a response that is none of PLAIN', (wire) => wire.logIn({ response: 'guest' }), '403 for 0.0'],
    [
      'a response that is none of AMQPLAIN',
      (wire) => wire.logIn({ mechanism: 'AMQPLAIN', response: 'guest' }),
      '501 for 10.11',
    ],
    ['more channels', (wire) => tuneOk(wire, 2_048, 131_072), '530 for 10.31'],
    ['channels without limit', (wire) => tuneOk(wire, 0, 131_072), '530 for 10.31'],
    ['larger frames', (wire) => tuneOk(wire, 2_047, 131_073), '530 for 10.31'],
    ['frames without limit', (wire) => tuneOk(wire, 2_047, 0), '530 for 10.31'],
    ['frames smaller than the smallest', (wire) => tuneOk(wire, 2_047, 4_095), '530 for 10.31'],
    ['open after start-ok', (wire) => afterLogin(wire, 0, 'connection.open'), '503 for 10.40'],
    ['a channel before open', (wire) => afterLogin(wire, 1, 'channel.open'), '504 for 20.10'],
    ['start-ok a second time', (wire) => afterLogin(wire, 0, 'connection.start-ok'), '503 for 10.11'],
  ]
  differential(
    'what is refused before the connection is open',
    async (script) => {
      const attempts = refused.map(async ([title, attempt]) => {
        const { wire } = await begun(script)
        return `${title}: ${brief(await attempt(wire))}`
      })
      script.log.push(...(await Promise.all(attempts)))
    },
    {
      because: 'RabbitMQ trusts nobody who is not in yet, and ends the stream in silence three seconds later',
      waybill: refused.map(([title, , told]) => `${title}: connection.close ${told}`),
    },
  )

  for (const virtualHost of ['', 'elsewhere']) {
    differential(`open: virtual host '${virtualHost}' is not there`, async (script) => {
      const peer = await script.connect()
      peer.note(brief(await peer.wire.shakeHands({ virtualHost })))
    })
  }

  differential('a heartbeat before start-ok', async (script) => {
    const { wire, note } = await begun(script)
    wire.frame(8, 0)
    note(brief(await wire.logIn()))
  })

  differential('all of it in one packet, publish included', async (script) => {
    const peer = await script.connect()
    const queue = script.name('q')
    const client = { 'client-properties': ALL_CAPABILITIES, mechanism: 'PLAIN', response: '\0guest\0guest' }
    peer.wire.write(
      Buffer.concat([
        HEADER,
        frameOf(1, 0, encodeMethod('connection.start-ok', { ...client, locale: 'en_US' } as never)),
        frameOf(1, 0, encodeMethod('connection.tune-ok', { 'channel-max': 2047, 'frame-max': 131_072 })),
        frameOf(1, 0, encodeMethod('connection.open', { 'virtual-host': '/' })),
        frameOf(1, 1, encodeMethod('channel.open')),
        frameOf(1, 1, encodeMethod('queue.declare', { queue, exclusive: true })),
      ]),
    )
    peer.publish(1, { routingKey: queue, body: 'early' })
    peer.say(1, 'basic.get', { queue, 'no-ack': true })
    await peer.wire.hear(0)
    await peer.hearAll(0, 2)
    await peer.hearAll(1, 3)
  })

  differential('close is answered', async (script) => {
    const peer = await script.open()
    await peer.ask(0, 'connection.close', { 'reply-code': 200 })
  })

  differential('update-secret is answered', async (script) => {
    const peer = await script.open()
    await peer.ask(0, 'connection.update-secret', { 'new-secret': 'guest', reason: 'why not' })
  })
})

function brief({ name, fields }: Heard): string {
  if (name !== 'connection.close') return name
  return `${name} ${Number(fields['reply-code'])} for ${Number(fields['class'])}.${Number(fields['method'])}`
}

/** A connection whose server has said start. */
async function begun(script: Script): Promise<{ readonly wire: WireClient; readonly note: (text: string) => void }> {
  const { wire } = await script.connect()
  wire.write(HEADER)
  await wire.hear(0)
  return { wire, note: (text) => script.log.push(text) }
}

async function tuneOk(wire: WireClient, channelMax: number, frameMax: number): Promise<Heard> {
  await wire.logIn()
  wire.say(0, 'connection.tune-ok', { 'channel-max': channelMax, 'frame-max': frameMax })
  return wire.call(0, 'connection.open', { 'virtual-host': '/' })
}

async function afterLogin(wire: WireClient, channel: number, method: string): Promise<Heard> {
  await wire.logIn()
  return wire.call(channel, method)
}

function amqplain(user: string, password: string): Buffer {
  const parts = [
    ['LOGIN', user],
    ['PASSWORD', password],
  ].map(([name = '', value = '']) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(value.length)
    return Buffer.concat([Buffer.of(name.length), Buffer.from(`${name}S`), length, Buffer.from(value)])
  })
  return Buffer.concat(parts)
}
