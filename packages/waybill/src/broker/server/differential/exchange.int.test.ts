import { TypedField } from '../../wire/field-table.ts'
import type { Fields } from './amqp-methods.test-support.ts'
import { describeDifferential } from './differential.test-support.ts'

describeDifferential('exchange.declare', (differential) => {
  for (const type of ['direct', 'fanout', 'topic', 'headers']) {
    differential(`${type}, again, and passively`, async (script) => {
      const peer = await script.open()
      const exchange = script.name('e')
      for (const passive of [false, false, true])
        await peer.ask(1, 'exchange.declare', { exchange, type, durable: true, passive })
    })
  }

  for (const [title, fields] of [
    ['type', { type: 'fanout' }],
    ['durable', { durable: true }],
    ['auto-delete', { 'auto-delete': true }],
    ['internal', { internal: true }],
    ['alternate-exchange', { arguments: { 'alternate-exchange': 'other' } }],
    ['an argument that nobody knows', { arguments: { 'x-whatever': 1 as never } }],
  ] satisfies [string, Fields][]) {
    differential(`again with another ${title}`, async (script) => {
      const peer = await script.open()
      const exchange = script.name('e')
      await peer.ask(1, 'exchange.declare', { exchange, type: 'direct' })
      await peer.ask(1, 'exchange.declare', { exchange, type: 'direct', ...fields })
    })
  }

  differential('passively compares nothing', async (script) => {
    const peer = await script.open()
    const exchange = script.name('e')
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct' })
    await peer.ask(1, 'exchange.declare', { exchange, type: 'nothing', durable: true, passive: true })
  })

  differential('passively one that is missing', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'exchange.declare', { exchange: script.name('missing'), type: 'direct', passive: true })
  })

  for (const type of ['x-nothing', 'Direct']) {
    differential(
      `of the unknown type ${type}`,
      async (script) => {
        const peer = await script.open()
        await peer.ask(1, 'exchange.declare', { exchange: script.name('e'), type })
      },
      {
        because: 'before 3.13 RabbitMQ ended the whole connection with 503',
        waybill: ['1: channel.close 406 for 40.10 [e]'],
      },
    )
  }

  for (const exchange of ['amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers', 'amq.match', 'amq.rabbitmq.trace']) {
    differential(`${exchange} is there and durable`, async (script) => {
      const peer = await script.open()
      const type = exchange.includes('trace') ? 'topic' : exchange.replace('amq.', '').replace('match', 'headers')
      await peer.ask(1, 'exchange.declare', { exchange, type, passive: true })
      await peer.tell(1, 'exchange.declare', { exchange, type, durable: true, internal: type === 'topic' })
    })
  }

  for (const exchange of ['', 'amq.new', 'amq.']) {
    for (const passive of [false, true]) {
      differential(`the name '${exchange}'${passive ? ' passively' : ''}`, async (script) => {
        const peer = await script.open()
        await peer.ask(1, 'exchange.declare', { exchange, type: 'direct', passive })
      })
    }
  }

  differential('line breaks in names do not count', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'exchange.declare', { exchange: `${script.name('e')}\r\n`, type: 'direct' })
    await peer.ask(1, 'exchange.declare', { exchange: script.name('e'), type: 'direct', passive: true })
    await peer.ask(1, 'exchange.declare', { exchange: `${script.name('e')}\n`, type: 'direct', passive: true })
  })

  differential('no-wait is not answered, but refused', async (script) => {
    const peer = await script.open()
    const exchange = script.name('e')
    await peer.tell(1, 'exchange.declare', { exchange, type: 'direct', 'no-wait': true })
    await peer.tell(1, 'exchange.declare', { exchange, type: 'fanout', 'no-wait': true })
  })

  for (const [title, value] of [
    ['a number', TypedField.number('I', 5)],
    ['a boolean', true],
    ['empty', ''],
  ] as const) {
    differential(`alternate-exchange: ${title}`, async (script) => {
      const peer = await script.open()
      await peer.ask(1, 'exchange.declare', {
        exchange: script.name('e'),
        type: 'direct',
        arguments: { 'alternate-exchange': value },
      })
    })
  }
})

describeDifferential('exchange.delete', (differential) => {
  differential('one that is missing, and one that is there', async (script) => {
    const peer = await script.open()
    const exchange = script.name('e')
    await peer.ask(1, 'exchange.delete', { exchange })
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct' })
    await peer.ask(1, 'exchange.delete', { exchange, 'if-unused': true })
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct', passive: true })
  })

  differential('if-unused, while something is bound to it', async (script) => {
    const peer = await script.open()
    const [exchange, queue] = [script.name('e'), script.name('q')]
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct' })
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'queue.bind', { queue, exchange })
    await peer.ask(1, 'exchange.delete', { exchange, 'if-unused': true })
  })

  differential('if-unused, while it is only bound to something', async (script) => {
    const peer = await script.open()
    const exchange = script.name('e')
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct' })
    await peer.ask(1, 'exchange.bind', { destination: exchange, source: 'amq.fanout' })
    await peer.ask(1, 'exchange.delete', { exchange, 'if-unused': true })
  })

  for (const exchange of ['', 'amq.direct', 'amq.missing']) {
    differential(`the name '${exchange}'`, async (script) => {
      const peer = await script.open()
      await peer.ask(1, 'exchange.delete', { exchange })
    })
  }
})

describeDifferential('bindings', (differential) => {
  differential('to and from what is missing', async (script) => {
    const [exchange, queue] = [script.name('missing-e'), script.name('missing-q')]
    for (const [method, fields] of [
      ['queue.bind', { queue, exchange: 'amq.direct' }],
      ['queue.bind', { queue: script.name('q'), exchange }],
      ['queue.bind', { queue, exchange }],
      ['queue.unbind', { queue, exchange: 'amq.direct' }],
      ['queue.unbind', { queue: script.name('q'), exchange }],
      ['queue.unbind', { queue: script.name('q'), exchange: 'amq.direct', 'routing-key': 'never' }],
      ['exchange.bind', { destination: exchange, source: 'amq.direct' }],
      ['exchange.bind', { destination: 'amq.direct', source: exchange }],
      ['exchange.unbind', { destination: exchange, source: 'amq.direct' }],
      ['exchange.unbind', { destination: 'amq.direct', source: exchange }],
      ['exchange.unbind', { destination: 'amq.direct', source: 'amq.fanout', 'routing-key': 'never' }],
    ] as const) {
      const peer = await script.open()
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
      await peer.ask(1, method, fields)
      await peer.wire.close()
    }
  })

  differential('of the default exchange', async (script) => {
    for (const [method, fields] of [
      ['queue.bind', { exchange: '' }],
      ['queue.unbind', { exchange: '' }],
      ['exchange.bind', { destination: 'amq.direct', source: '' }],
      ['exchange.bind', { destination: '', source: 'amq.direct' }],
      ['exchange.unbind', { destination: 'amq.direct', source: '' }],
      ['exchange.unbind', { destination: '', source: 'amq.direct' }],
    ] as const) {
      const peer = await script.open()
      await peer.ask(1, 'queue.declare', { exclusive: true })
      await peer.ask(1, method, fields)
      await peer.wire.close()
    }
  })

  differential('an unknown x-match', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
    await peer.ask(1, 'queue.bind', {
      queue: script.name('q'),
      exchange: 'amq.headers',
      arguments: { 'x-match': 'most' },
    })
  })

  differential('empty names mean the queue of last, and its name as the key', async (script) => {
    const peer = await script.open()
    const [queue, exchange] = [script.name('q'), script.name('e')]
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct', 'auto-delete': true })
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'queue.bind', { exchange })
    peer.publish(1, { exchange, routingKey: queue, body: 'by name', mandatory: true })
    peer.publish(1, { exchange, routingKey: '', body: 'by nothing', mandatory: true })
    await peer.rest(1)
    await peer.ask(1, 'basic.get', { 'no-ack': true })
    await peer.ask(1, 'queue.unbind', { exchange })
    await peer.ask(1, 'exchange.declare', { exchange, type: 'direct', passive: true })
  })

  differential('once however often it is bound', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const key of ['a.*', 'a.*', '#', 'a.b'])
      await peer.ask(1, 'queue.bind', { queue, exchange: 'amq.topic', 'routing-key': queue + key })
    peer.publish(1, { exchange: 'amq.topic', routingKey: `${queue}a.b`, body: 'm' })
    await peer.rest(1)
    for (let n = 0; n < 2; n++) await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
    await peer.ask(1, 'queue.unbind', { queue, exchange: 'amq.topic', 'routing-key': `${queue}a.*` })
    await peer.ask(1, 'queue.unbind', { queue, exchange: 'amq.topic', 'routing-key': `${queue}a.b` })
    peer.publish(1, { exchange: 'amq.topic', routingKey: `${queue}a.b`, body: 'm', mandatory: true })
    await peer.rest(1)
  })

  differential('an auto-delete exchange goes with the last that leads from it', async (script) => {
    const peer = await script.open()
    const [queue, exchange, source] = [script.name('q'), script.name('e'), script.name('s')]
    for (const name of [exchange, source])
      await peer.ask(1, 'exchange.declare', { exchange: name, type: 'fanout', 'auto-delete': true })
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'queue.bind', { queue, exchange })
    await peer.ask(1, 'exchange.bind', { destination: exchange, source })
    await peer.ask(1, 'queue.delete', { queue })
    await peer.ask(1, 'exchange.declare', { exchange: source, type: 'fanout', passive: true })
  })

  differential('an auto-delete exchange goes with the binding to an exchange that is deleted', async (script) => {
    const peer = await script.open()
    const [destination, source] = [script.name('d'), script.name('s')]
    await peer.ask(1, 'exchange.declare', { exchange: destination, type: 'fanout' })
    await peer.ask(1, 'exchange.declare', { exchange: source, type: 'fanout', 'auto-delete': true })
    await peer.ask(1, 'exchange.bind', { destination, source })
    await peer.ask(1, 'exchange.delete', { exchange: destination })
    await peer.ask(1, 'exchange.declare', { exchange: source, type: 'fanout', passive: true })
  })

  differential('exchanges in a circle', async (script) => {
    const peer = await script.open()
    const [a, b, queue] = [script.name('a'), script.name('b'), script.name('q')]
    for (const exchange of [a, b]) await peer.ask(1, 'exchange.declare', { exchange, type: 'fanout' })
    await peer.ask(1, 'exchange.bind', { destination: a, source: b })
    await peer.ask(1, 'exchange.bind', { destination: b, source: a })
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const exchange of [a, b]) await peer.ask(1, 'queue.bind', { queue, exchange })
    peer.publish(1, { exchange: a, body: 'round' })
    await peer.rest(1)
    for (let n = 0; n < 2; n++) await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
  })
})

describeDifferential('routing', (differential) => {
  differential('topic patterns', async (script) => {
    const peer = await script.open()
    const patterns = ['#', '*', '*.*', 'a.#', '#.b', 'a.*.b', 'a.#.b', '*.#', '#.#', 'a..b', '.a', '']
    const exchange = script.name('e')
    await peer.ask(1, 'exchange.declare', { exchange, type: 'topic' })
    for (const [number, pattern] of patterns.entries()) {
      await peer.wire.call(1, 'queue.declare', { queue: script.name(`q${number}`), exclusive: true })
      await peer.wire.call(1, 'queue.bind', { queue: script.name(`q${number}`), exchange, 'routing-key': pattern })
    }
    for (const routingKey of ['', '.', 'a', 'a.b', 'a.b.b', 'a..b', '.a', 'a.', 'a.c.d.b', 'b', '*', '#']) {
      peer.publish(1, { exchange, routingKey })
      await peer.wire.call(1, 'access.request')
      const taken: string[] = []
      for (const [number, pattern] of patterns.entries()) {
        const { fields } = await peer.wire.call(1, 'queue.purge', { queue: script.name(`q${number}`) })
        if (fields['messages'] !== 0) taken.push(pattern)
      }
      peer.note(`'${routingKey}' -> '${taken.join("' '")}'`)
    }
  })

  differential('headers', async (script) => {
    const peer = await script.open()
    const exchange = script.name('e')
    await peer.ask(1, 'exchange.declare', { exchange, type: 'headers' })
    const five = TypedField.number('I', 5)
    const bindings = [
      {},
      { 'x-match': 'all' },
      { 'x-match': 'any' },
      { 'x-match': 'all', a: '1', b: '2' },
      { 'x-match': 'any', a: '1', b: '2' },
      { a: '1' },
      { a: null },
      { 'x-match': 'all', 'x-a': '1' },
      { 'x-match': 'any', 'x-a': '1' },
      { a: five },
      { a: TypedField.long('l', 5n) },
      { a: TypedField.number('s', 5) },
      { a: '5' },
      { a: true },
      { a: ['1', '2'] },
      { a: { b: '1' } },
    ] as const
    for (const [number, table] of bindings.entries()) {
      await peer.wire.call(1, 'queue.declare', { queue: script.name(`q${number}`), exclusive: true })
      await peer.wire.call(1, 'queue.bind', { queue: script.name(`q${number}`), exchange, arguments: table })
    }
    for (const headers of [
      undefined,
      {},
      { a: '1' },
      { a: '1', b: '2' },
      { a: '1', b: '3' },
      { b: '2' },
      { 'x-a': '1' },
      { a: five },
      { a: TypedField.long('l', 5n) },
      { a: TypedField.number('d', 5) },
      { a: null },
      { a: true },
      { a: ['1', '2'] },
      { a: { b: '1' } },
    ]) {
      peer.publish(1, { exchange, properties: { headers } })
      await peer.wire.call(1, 'access.request')
      const taken: number[] = []
      for (const number of bindings.keys()) {
        const { fields } = await peer.wire.call(1, 'queue.purge', { queue: script.name(`q${number}`) })
        if (fields['messages'] !== 0) taken.push(number)
      }
      const shown = JSON.stringify(headers, (_name, value: unknown) =>
        typeof value === 'bigint' ? `${value}n` : value,
      )
      peer.note(`${shown} -> ${taken.join()}`)
    }
  })

  differential('an alternate exchange takes what is bound nowhere', async (script) => {
    const peer = await script.open()
    const [exchange, alternate, queue] = [script.name('e'), script.name('a'), script.name('q')]
    await peer.ask(1, 'exchange.declare', {
      exchange,
      type: 'direct',
      arguments: { 'alternate-exchange': alternate },
    })
    peer.publish(1, { exchange, routingKey: 'k', body: 'no alternate yet', mandatory: true })
    await peer.rest(1)
    await peer.ask(1, 'exchange.declare', { exchange: alternate, type: 'fanout' })
    peer.publish(1, { exchange, routingKey: 'k', body: 'bound to nothing', mandatory: true })
    await peer.rest(1)
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'queue.bind', { queue, exchange: alternate })
    peer.publish(1, { exchange, routingKey: 'k', body: 'm', mandatory: true })
    await peer.rest(1)
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
  })

  differential('CC and BCC add routing keys; BCC is not handed out', async (script) => {
    const peer = await script.open()
    const queues = ['to', 'cc', 'bcc'].map((name) => script.name(name))
    for (const queue of queues) await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    const [to = '', cc = '', bcc = ''] = queues
    const headers = { first: 'x', BCC: [bcc, to], CC: [cc, to], last: TypedField.number('I', 3) }
    peer.publish(1, { routingKey: to, properties: { headers, priority: 3 }, body: 'm' })
    await peer.rest(1)
    for (const queue of [...queues, to]) await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
  })

  differential('a message for BCC alone is not returned', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: script.name('none'), mandatory: true, properties: { headers: { BCC: [queue] } } })
    await peer.rest(1)
    await peer.ask(1, 'basic.get', { queue, 'no-ack': true })
  })

  for (const [title, headers] of [
    ['CC that is a string', { CC: 'a' }],
    ['BCC that is a number', { BCC: TypedField.number('I', 1) }],
    ['CC with an item that is no string', { CC: ['a', TypedField.number('I', 1)] }],
    ['CC that is empty', { CC: [] }],
  ] as const) {
    differential(title, async (script) => {
      const peer = await script.open()
      peer.publish(1, { routingKey: 'none', properties: { headers } })
      await peer.rest(1)
    })
  }

  differential('an internal exchange takes nothing from clients', async (script) => {
    const peer = await script.open()
    const exchange = script.name('e')
    await peer.ask(1, 'exchange.declare', { exchange, type: 'fanout', internal: true })
    peer.publish(1, { exchange })
    await peer.rest(1)
  })
})
