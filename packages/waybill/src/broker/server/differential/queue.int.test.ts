import { TypedField, type FieldTable } from '../../wire/field-table.ts'
import type { Fields } from './amqp-methods.test-support.ts'
import { describeDifferential } from './differential.test-support.ts'

const int = (value: number): TypedField => TypedField.number('I', value)

describeDifferential('queue.declare', (differential) => {
  differential('again, and passively, with counts of what is ready', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const body of ['a', 'b', 'c']) peer.publish(1, { routingKey: queue, body })
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(2, 'basic.consume', { queue: script.name('q'), 'consumer-tag': 'c', exclusive: true })
    await peer.hearAll(2, 2)
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'queue.declare', { queue, passive: true })
  })

  differential('passively one that is missing, or the name of nothing', async (script) => {
    for (const queue of [script.name('missing'), '']) {
      const peer = await script.open()
      await peer.ask(1, 'queue.declare', { queue, passive: true })
      await peer.wire.close()
    }
  })

  differential('passively the empty name after a declaration', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
    await peer.ask(1, 'queue.declare', { passive: true })
  })

  differential('an empty name asks for a new one', async (script) => {
    const peer = await script.open()
    const { fields } = await peer.ask(1, 'queue.declare', { exclusive: true })
    await peer.ask(1, 'queue.declare', { queue: fields['queue'] ?? '', passive: true })
  })

  differential(
    'a name of the server again',
    async (script) => {
      const peer = await script.open()
      const { fields } = await peer.wire.call(1, 'queue.declare', { exclusive: true })
      await peer.ask(1, 'queue.declare', { exclusive: true, queue: fields['queue'] ?? '' })
    },
    {
      because: 'RabbitMQ refuses reserved names although the specification allows them where the queue exists',
      waybill: ['1: queue.declare-ok queue=amq.gen-* messages=0 consumers=0'],
    },
  )

  differential('an empty name where nothing was declared', async (script) => {
    for (const [method, fields] of [
      ['queue.bind', { exchange: 'amq.direct' }],
      ['queue.unbind', { exchange: 'amq.direct' }],
      ['queue.purge', {}],
      ['queue.delete', {}],
      ['basic.get', {}],
      ['basic.consume', {}],
    ] as const) {
      const peer = await script.open()
      await peer.ask(1, method, fields)
      await peer.wire.close()
    }
  })

  differential('the empty name is of the channel, not the connection', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
    await peer.ask(1, 'queue.purge')
    await peer.ask(2, 'queue.purge')
  })

  differential('the empty name after the queue was deleted', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
    await peer.ask(1, 'queue.delete')
    await peer.ask(1, 'queue.purge')
  })

  differential('a passive declaration is the last one too', async (script) => {
    const peer = await script.open('', [1, 2])
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true })
    await peer.ask(2, 'queue.declare', { queue: script.name('q'), passive: true })
    await peer.ask(2, 'queue.purge')
  })

  differential('no-wait is not answered, but refused', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.tell(1, 'queue.declare', { queue, exclusive: true, 'no-wait': true })
    await peer.tell(1, 'queue.bind', { queue, exchange: 'amq.direct', 'no-wait': true })
    await peer.tell(1, 'queue.purge', { queue, 'no-wait': true })
    await peer.tell(1, 'queue.declare', { queue, passive: true, 'no-wait': true })
    await peer.tell(1, 'queue.delete', { queue, 'no-wait': true })
    await peer.tell(1, 'queue.declare', { queue, passive: true, 'no-wait': true })
  })

  differential('reserved names', async (script) => {
    for (const queue of ['amq.mine', 'amq.']) {
      for (const passive of [false, true]) {
        const peer = await script.open()
        await peer.ask(1, 'queue.declare', { queue, passive })
        await peer.wire.close()
      }
    }
  })

  differential('line breaks in names do not count', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.declare', { queue: `${script.name('q')}\r\n`, exclusive: true })
    await peer.ask(1, 'queue.declare', { queue: script.name('q'), passive: true })
    await peer.ask(1, 'queue.declare', { queue: `${script.name('q')}\n`, passive: true })
    await peer.ask(1, 'queue.purge', { queue: `${script.name('q')}\n` })
  })

  for (const [title, first, second] of [
    ['durable', {}, { durable: true }],
    ['auto-delete', {}, { 'auto-delete': true }],
    ['exclusive', {}, { exclusive: true }],
    ['no longer exclusive', { exclusive: true }, {}],
  ] satisfies [string, Fields, Fields][]) {
    differential(`again: ${title}`, async (script) => {
      const peer = await script.open()
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), ...first })
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), ...second })
    })
  }

  for (const [title, first, second] of [
    ['an argument of another value', { 'x-expires': int(60_000) }, { 'x-expires': int(50_000) }],
    ['an argument more', {}, { 'x-message-ttl': int(1_000) }],
    ['an argument less', { 'x-max-length': int(5) }, {}],
    ['a number of another width', { 'x-max-length': int(5) }, { 'x-max-length': TypedField.long('l', 5n) }],
    ['an unknown argument', {}, { 'x-whatever': 'a' }],
    ['another unknown argument', { 'x-whatever': 'a' }, { 'x-whatever': int(5) }],
    ['x-max-length-bytes', { 'x-max-length-bytes': int(5) }, {}],
    ['x-dead-letter-exchange', { 'x-dead-letter-exchange': 'a' }, { 'x-dead-letter-exchange': 'b' }],
    [
      'x-dead-letter-routing-key',
      { 'x-dead-letter-exchange': 'a', 'x-dead-letter-routing-key': 'k' },
      { 'x-dead-letter-exchange': 'a' },
    ],
    ['x-overflow', { 'x-overflow': 'reject-publish' }, {}],
    ['x-max-priority', { 'x-max-priority': int(5) }, {}],
    ['x-single-active-consumer', { 'x-single-active-consumer': true }, {}],
    ['the type by its default', {}, { 'x-queue-type': 'classic' }],
  ] satisfies [string, FieldTable, FieldTable][]) {
    differential(`again: ${title}`, async (script) => {
      const peer = await script.open()
      const queue = script.name('q')
      await peer.ask(1, 'queue.declare', { queue, arguments: first })
      await peer.ask(1, 'queue.declare', { queue, arguments: second })
    })
  }

  for (const [because, first, second] of [
    ['an absent x-overflow is drop-head', {}, { 'x-overflow': 'drop-head' }],
    ['x-queue-mode means nothing any more', { 'x-queue-mode': 'lazy' }, {}],
  ] satisfies [string, FieldTable, FieldTable][]) {
    differential(
      `again: ${because}`,
      async (script) => {
        const peer = await script.open()
        const queue = script.name('q')
        for (const table of [first, second])
          await peer.ask(1, 'queue.declare', { queue, exclusive: true, arguments: table })
      },
      { because, waybill: Array.from({ length: 2 }, () => '1: queue.declare-ok queue=q messages=0 consumers=0') },
    )
  }

  differential('again: of another type', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, durable: true })
    await peer.ask(1, 'queue.declare', { queue, durable: true, arguments: { 'x-queue-type': 'quorum' } })
  })

  for (const argument of ['x-message-ttl', 'x-expires', 'x-max-length', 'x-max-length-bytes', 'x-max-priority']) {
    for (const [title, value] of [
      ['negative', int(-1)],
      ['0', int(0)],
      ['a text', '10'],
      ['a boolean', true],
      ['nothing', null],
      ['a fraction', TypedField.number('d', 1.5)],
      ['large', TypedField.long('l', 86_400_000n * 365n * 101n)],
      ['256', int(256)],
    ] as const) {
      differential(`${argument}: ${title}`, async (script) => {
        const peer = await script.open()
        await peer.ask(1, 'queue.declare', {
          queue: script.name('q'),
          exclusive: true,
          arguments: { [argument]: value },
        })
      })
    }
  }

  for (const [argument, value] of [
    ['x-dead-letter-exchange', int(1)],
    ['x-dead-letter-exchange', ''],
    ['x-dead-letter-routing-key', 'k'],
    ['x-overflow', 'refuse'],
    ['x-overflow', int(1)],
    ['x-queue-mode', 'unheard-of'],
    ['x-queue-type', 'unheard-of'],
    ['x-queue-type', int(1)],
    ['x-single-active-consumer', 'yes'],
    ['x-queue-version', int(2)],
    ['x-queue-master-locator', 'min-masters'],
  ] as const) {
    differential(`${argument}: ${typeof value === 'string' ? `'${value}'` : 'a number'}`, async (script) => {
      const peer = await script.open()
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), exclusive: true, arguments: { [argument]: value } })
    })
  }

  for (const [title, fields, more] of [
    ['not durable', {}, {}],
    ['exclusive', { durable: true, exclusive: true }, {}],
    ['auto-delete', { durable: true, 'auto-delete': true }, {}],
    ['with priorities', { durable: true }, { 'x-max-priority': int(5) }],
    ['with a negative delivery limit', { durable: true }, { 'x-delivery-limit': int(-2) }],
    ['with a group size', { durable: true }, { 'x-quorum-initial-group-size': int(1) }],
  ] satisfies [string, Fields, FieldTable][]) {
    differential(`a quorum queue ${title}`, async (script) => {
      const peer = await script.open()
      const table = { 'x-queue-type': 'quorum', ...more }
      await peer.ask(1, 'queue.declare', { queue: script.name('q'), ...fields, arguments: table })
    })
  }
})

describeDifferential('exclusive queues', (differential) => {
  for (const [method, fields] of [
    ['queue.declare', {}],
    ['queue.declare', { passive: true }],
    ['queue.declare', { exclusive: true }],
    ['queue.bind', { exchange: 'amq.direct' }],
    ['queue.purge', {}],
    ['queue.delete', {}],
    ['basic.get', {}],
    ['basic.consume', {}],
  ] as const) {
    differential(`${method} ${JSON.stringify(fields)} of another connection is refused`, async (script) => {
      const [owner, other] = [await script.open('a '), await script.open('b ', [1])]
      const queue = script.name('q')
      await owner.ask(1, 'queue.declare', { queue, exclusive: true })
      await other.ask(1, method, { queue, ...fields })
    })
  }

  differential(
    'queue.unbind of what is not bound to one of another connection',
    async (script) => {
      const [owner, other] = [await script.open('a '), await script.open('b ')]
      const queue = script.name('q')
      await owner.ask(1, 'queue.declare', { queue, exclusive: true })
      await other.ask(1, 'queue.unbind', { queue, exchange: 'amq.direct' })
    },
    {
      because: 'RabbitMQ looks for the binding first',
      waybill: ['a 1: queue.declare-ok queue=q messages=0 consumers=0', 'b 1: channel.close 405 for 50.50 [q]'],
    },
  )

  differential('publishing to one of another connection is not', async (script) => {
    const [owner, other] = [await script.open('a ', [1, 2]), await script.open('b ')]
    const queue = script.name('q')
    await owner.ask(1, 'queue.declare', { queue, exclusive: true })
    other.publish(1, { routingKey: queue, body: 'hello', mandatory: true })
    await other.rest(1)
    await owner.ask(2, 'basic.get', { queue, 'no-ack': true })
  })

  differential('go with their connection', async (script) => {
    const [owner, other] = [await script.open('a '), await script.open('b ')]
    const queue = script.name('q')
    await owner.ask(1, 'queue.declare', { queue, exclusive: true, durable: true })
    await owner.wire.close()
    await other.ask(1, 'queue.declare', { queue, passive: true })
  })
})

describeDifferential('auto-delete queues', (differential) => {
  differential('go with the last consumer that is cancelled', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, 'auto-delete': true })
    for (const tag of ['a', 'b']) await peer.ask(1, 'basic.consume', { queue, 'consumer-tag': tag })
    await peer.ask(1, 'basic.cancel', { 'consumer-tag': 'a' })
    await peer.ask(1, 'queue.declare', { queue, passive: true })
    await peer.ask(1, 'basic.cancel', { 'consumer-tag': 'b' })
    await peer.ask(1, 'queue.declare', { queue, passive: true })
  })

  differential('go with the channel of the last consumer', async (script) => {
    const peer = await script.open('', [1, 2])
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, 'auto-delete': true })
    await peer.ask(2, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.ask(2, 'channel.close')
    await peer.ask(1, 'queue.declare', { queue, passive: true })
  })

  differential('stay while nobody has consumed them', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, 'auto-delete': true })
    await peer.ask(1, 'basic.get', { queue })
    await peer.wire.close()
    const next = await script.open()
    await next.ask(1, 'queue.declare', { queue, passive: true })
  })
})

describeDifferential('queue.delete and queue.purge', (differential) => {
  differential('what is missing', async (script) => {
    const peer = await script.open()
    await peer.ask(1, 'queue.delete', { queue: script.name('missing') })
    await peer.ask(1, 'queue.purge', { queue: script.name('missing') })
  })

  differential('count what is ready, not what is unsettled', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const body of ['a', 'b', 'c']) peer.publish(1, { routingKey: queue, body })
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'queue.purge', { queue })
    for (const body of ['d', 'e', 'f']) peer.publish(1, { routingKey: queue, body })
    await peer.ask(1, 'queue.delete', { queue })
    await peer.ask(1, 'queue.declare', { queue, passive: true })
  })

  differential('an unsettled message outlives a purge', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, body: 'a' })
    await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'queue.purge', { queue })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 1, requeue: true })
    await peer.ask(1, 'basic.get', { queue })
  })

  differential('if-unused and if-empty', async (script) => {
    const peer = await script.open('', [1, 2, 3])
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { routingKey: queue, body: 'a' })
    await peer.ask(1, 'queue.delete', { queue, 'if-empty': true })
    await peer.ask(2, 'basic.consume', { queue, 'consumer-tag': 'c' })
    await peer.hear(2)
    await peer.ask(3, 'queue.delete', { queue, 'if-unused': true })
  })

  differential('what was bound to a deleted queue is bound no more', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    await peer.ask(1, 'queue.bind', { queue, exchange: 'amq.direct', 'routing-key': queue })
    await peer.ask(1, 'queue.delete', { queue })
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    peer.publish(1, { exchange: 'amq.direct', routingKey: queue, mandatory: true })
    await peer.rest(1)
  })

  differential('settling what was of a deleted queue is no error, twice is', async (script) => {
    const peer = await script.open()
    const queue = script.name('q')
    await peer.ask(1, 'queue.declare', { queue, exclusive: true })
    for (const body of ['a', 'b']) peer.publish(1, { routingKey: queue, body })
    for (let n = 0; n < 2; n++) await peer.ask(1, 'basic.get', { queue })
    await peer.ask(1, 'queue.delete', { queue })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 1 })
    await peer.tell(1, 'basic.reject', { 'delivery-tag': 2, requeue: true })
    await peer.tell(1, 'basic.ack', { 'delivery-tag': 2 })
  })
})
