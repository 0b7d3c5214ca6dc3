import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { ownIdentity } from '../access/identity.ts'
import { Broker } from '../broker.ts'
import { openBrokerOn } from '../open-broker.ts'
import { SMALL } from '../store/log.test-support.ts'
import { SimulatedDisk } from '../store/simulated-files.ts'
import { FRAME } from './differential/hearing.test-support.ts'
import { frameOf, HEADER, publishFrames } from './differential/wire-client.test-support.ts'
import { methodFrame, SessionClient } from './session-client.test-support.ts'

let runtime: VirtualRuntime
let broker: Broker

beforeEach(async () => {
  runtime = virtualRuntime()
  broker = await Broker.open({ runtime, memoryHighWaterBytes: 100_000 })
})

/** What is left of connections in the broker. */
function left(): { readonly queues: readonly string[]; readonly replies: number; readonly timers: number } {
  const { root } = broker
  return {
    queues: [...root.queues.values()].map(
      (queue) => `${queue.name} ${queue.ready} ${queue.unsettled} ${queue.consumers}`,
    ),
    replies: root.directReplies.size,
    timers: runtime.timers.length,
  }
}

describe('the phases of a session', () => {
  test('are taken in pieces of one octet as in one piece', () => {
    const client = new SessionClient(broker, runtime)
    const stream = Buffer.concat([
      HEADER,
      methodFrame(0, 'connection.start-ok', { mechanism: 'PLAIN', response: '\0guest\0guest' }),
      methodFrame(0, 'connection.tune-ok', { 'channel-max': 5, 'frame-max': 4_096, heartbeat: 7 }),
      methodFrame(0, 'connection.open', { 'virtual-host': '/' }),
      methodFrame(5, 'channel.open'),
    ])
    for (const octet of stream) client.write(Buffer.of(octet))
    expect(client.names()).toEqual(['connection.start', 'connection.tune', 'connection.open-ok', 'channel.open-ok'])
    expect(client.told).toEqual(['tuned 7', 'opened'])
    expect(client.session.state).toBe('running')
  })

  test('end with close, close-ok and the end of the stream', () => {
    const client = SessionClient.open(broker, runtime)
    client.say(0, 'connection.close')
    expect(client.names()).toEqual(['connection.close-ok'])
    expect(client.told.slice(2)).toEqual(['end 0'])
    client.say(1, 'queue.declare')
    expect(client.heard()).toEqual([])
  })

  test('end with close-ok where the session has closed, whatever comes before it', () => {
    const client = SessionClient.open(broker, runtime)
    client.session.forceClose('enough')
    expect(client.names()).toEqual(['connection.close 320'])
    client.write(frameOf(9, 9, Buffer.alloc(9)))
    client.publish(1, { routingKey: 'x' })
    client.say(0, 'connection.tune-ok')
    expect(client.told.slice(2)).toEqual(['closing'])
    client.say(0, 'connection.close-ok')
    expect(client.told.slice(2)).toEqual(['closing', 'end 0'])
    expect(client.heard()).toEqual([])
  })

  test('end with a close of the client that crosses that of the session', () => {
    const client = SessionClient.open(broker, runtime)
    client.session.forceClose('enough')
    client.say(0, 'connection.close')
    expect(client.names()).toEqual(['connection.close 320', 'connection.close-ok'])
    expect(client.told.slice(2)).toEqual(['closing', 'end 0'])
  })

  test('end before there is a connection to close', () => {
    const client = new SessionClient(broker, runtime)
    client.session.forceClose('enough')
    expect([client.heard(), client.told]).toEqual([[], ['end 0']])
  })

  test('end for another protocol, whose client is told this one', () => {
    const client = new SessionClient(broker, runtime)
    client.write(Buffer.from('GET / HTTP/1.1\r\n'))
    expect(Buffer.concat(client.session.take()).equals(HEADER)).toBe(true)
    expect(client.told).toEqual(['end 0'])
  })

  test('close after a wrong password, in silence for who cannot be told, whatever it says', async () => {
    for (const [properties, told, said] of [
      [undefined, ['closing', 'end 0'], ['connection.start', 'connection.close 403', 'connection.close-ok']],
      [{}, ['end 1000'], ['connection.start']],
    ] as const) {
      for (const answer of [undefined, Promise.resolve(undefined)]) {
        const client = new SessionClient(broker, runtime, { authenticate: () => answer })
        client.write(HEADER)
        client.logIn(properties)
        client.say(0, 'connection.close')
        await runtime.settle()
        expect([client.told, client.names(), client.isSuspended]).toEqual([told, said, false])
      }
    }
  })

  test('wait for who the client is, unless it leaves meanwhile', async () => {
    const client = new SessionClient(broker, runtime, {
      authenticate: ({ user }) => Promise.resolve(ownIdentity(user, 'all')),
    })
    client.write(HEADER)
    client.logIn()
    client.say(0, 'connection.tune-ok', { 'channel-max': 10, 'frame-max': 4_096 })
    expect([client.names(), client.isSuspended]).toEqual([['connection.start'], true])
    await runtime.settle()
    client.say(0, 'connection.open', { 'virtual-host': '/' })
    expect([client.names(), client.isSuspended]).toEqual([['connection.tune', 'connection.open-ok'], false])

    const gone = new SessionClient(broker, runtime, { authenticate: () => Promise.reject(new Error('a defect')) })
    gone.write(HEADER)
    gone.logIn()
    gone.session.ended()
    await runtime.settle()
    expect([gone.names(), gone.troubles]).toEqual([['connection.start'], [expect.any(Error)]])
  })
})

describe('the end of a session frees all it had', () => {
  const states: readonly (readonly [string, (client: SessionClient) => void])[] = [
    ['consumers and unsettled messages', (client) => client.say(1, 'basic.consume', { queue: 'shared' })],
    ['exclusive queues', (client) => client.say(1, 'queue.declare', { queue: 'own', exclusive: true })],
    [
      'a consumer of direct replies',
      (client) => client.say(1, 'basic.consume', { queue: 'amq.rabbitmq.reply-to', 'no-ack': true }),
    ],
    ['half a publish', (client) => client.say(1, 'basic.publish', { 'routing-key': 'shared' })],
    [
      'a channel that is closing',
      (client) => {
        client.say(1, 'basic.consume', { queue: 'shared' })
        client.say(1, 'queue.declare', { queue: 'missing', passive: true })
      },
    ],
    ['a publisher that is held back', (client) => hold(client)],
    ['half a frame', (client) => client.write(Buffer.of(1, 0, 1, 0))],
  ]
  const ends: readonly (readonly [string, (client: SessionClient) => void])[] = [
    ['the socket ends', (client) => client.session.ended()],
    ['the client closes', (client) => client.say(0, 'connection.close')],
    ['the client breaks the protocol', (client) => client.write(frameOf(FRAME.method, 0, Buffer.alloc(4)))],
    ['the broker closes it', (client) => client.session.forceClose('enough')],
  ]

  function hold(client: SessionClient): void {
    broker.diskIsFull(true)
    client.session.alarm(broker.blocked)
    client.publish(1, { routingKey: 'nowhere' })
  }

  for (const [state, act] of states) {
    test.each(ends)(`${state}: %s`, async (_, end) => {
      const owner = SessionClient.open(broker, runtime)
      owner.say(1, 'queue.declare', { queue: 'shared' })
      for (const body of 'abc') owner.publish(1, { routingKey: 'shared', body })
      const before = left()
      const client = SessionClient.open(broker, runtime)
      act(client)
      await runtime.settle()
      end(client)
      client.session.ended()
      await runtime.settle()
      expect(left()).toEqual(before)
      expect(client.troubles).toEqual([])
    })
  }
})

describe('an error of our own', () => {
  test('in a method ends that one connection, and is reported', () => {
    const [client, other] = [SessionClient.open(broker, runtime), SessionClient.open(broker, runtime)]
    const error = new TypeError('a defect')
    broker.root.findQueue = () => {
      throw error
    }
    client.sayAll([1, 'queue.declare', { queue: 'q' }], [1, 'queue.declare', { queue: 'r' }])
    expect(client.names()).toEqual(['connection.close 541'])
    expect([client.troubles, client.told.slice(2)]).toEqual([[error], ['closing']])
    other.say(1, 'access.request')
    expect(other.names()).toEqual(['access.request-ok'])
  })

  test('in a later turn as well', async () => {
    const client = SessionClient.open(broker, runtime)
    client.say(1, 'queue.declare', { queue: 'q' })
    let asked = 0
    Object.assign(client.session.channels[0]?.channel ?? {}, {
      get: () => {
        if (++asked === 3) throw new TypeError('a defect')
        return 'loading'
      },
    })
    client.sayAll([1, 'basic.get', { queue: 'q' }], [1, 'access.request'])
    await runtime.settle()
    expect(client.names()).toEqual(['queue.declare-ok', 'connection.close 541'])
    expect(client.troubles).toHaveLength(1)
  })

  test('in a delivery leaves the message to others', async () => {
    const [client, other] = [SessionClient.open(broker, runtime), SessionClient.open(broker, runtime)]
    client.sayAll([1, 'queue.declare', { queue: 'q' }], [1, 'basic.consume', { queue: 'q' }])
    const routingKey = 'k'.repeat(256)
    const message = { exchange: '', routingKey, properties: Buffer.of(0, 0), body: Buffer.from('m'), origin: undefined }
    broker.root.findQueue('q')?.enqueue(0, message, runtime.now(), undefined)
    await runtime.settle()
    expect(client.names()).toEqual(['queue.declare-ok', 'basic.consume-ok', 'connection.close 541'])
    other.say(1, 'queue.declare', { queue: 'q' })
    expect(other.heard()).toMatchObject([{ name: 'queue.declare-ok', fields: { messages: 1, consumers: 0 } }])
  })

  test('in the broker, where the store has failed, is told by its code', () => {
    const client = SessionClient.open(broker, runtime)
    broker.fail(new Error('the disk is gone'))
    client.say(1, 'queue.declare', { queue: 'q' })
    expect(client.names()).toEqual(['connection.close 541'])
  })
})

describe('what is asked waits for the disk', () => {
  let writes: (() => void)[]

  beforeEach(async () => {
    writes = []
    const disk = new SimulatedDisk({ random: () => 0.5, later: (done) => void writes.push(done) })
    const opening = openBrokerOn({ files: disk.files(), runtime, ...SMALL })
    broker = await written(opening)
  })

  /** Lets the disk do its work until it is done. */
  async function written<T>(what: Promise<T>): Promise<T> {
    let isDone = false
    void what.finally(() => (isDone = true))
    while (!isDone) {
      for (const write of writes.splice(0)) write()
      await new Promise((resolve) => void setImmediate(resolve))
    }
    return what
  }

  test('and answers keep their order, each behind its sync', async () => {
    const client = SessionClient.open(broker, runtime)
    client.sayAll(
      [1, 'queue.declare', { queue: 'q', durable: true }],
      [1, 'queue.bind', { queue: 'q', exchange: 'amq.direct' }],
      [1, 'access.request'],
    )
    expect([client.isSuspended, client.heard()]).toEqual([true, []])
    client.say(1, 'queue.purge', { queue: 'q' })
    const said: string[] = []
    while (client.isSuspended) {
      await new Promise((resolve) => void setImmediate(resolve))
      for (const write of writes.splice(0)) write()
      said.push(...client.names())
    }
    expect(said).toEqual(['queue.declare-ok', 'queue.bind-ok', 'access.request-ok', 'queue.purge-ok'])
  })

  test('and what comes behind an answer waits with it', async () => {
    const client = SessionClient.open(broker, runtime)
    client.sayAll([1, 'queue.declare', { queue: 'q', durable: true }], [1, 'basic.consume', { queue: 'q' }])
    client.say(1, 'queue.delete', { queue: 'q' })
    const said: string[] = []
    while (client.isSuspended || said.length < 4) {
      await new Promise((resolve) => void setImmediate(resolve))
      said.push(...client.names())
      for (const write of writes.splice(0)) write()
    }
    expect(said).toEqual(['queue.declare-ok', 'basic.consume-ok', 'queue.delete-ok', 'basic.cancel'])
  })

  test('and is not answered on a connection that has ended', async () => {
    const client = SessionClient.open(broker, runtime)
    client.say(1, 'queue.declare', { queue: 'q', durable: true })
    client.session.forceClose('enough')
    expect(client.isSuspended).toBe(false)
    client.say(0, 'connection.close-ok')
    await written(broker.close())
    expect(client.names()).toEqual(['connection.close 320'])
  })

  test.each([0, 1, 2, 3])('and a get takes nothing on a channel that closed %i turns later', async (turns) => {
    const client = SessionClient.open(broker, runtime)
    const turn = async (): Promise<void> => {
      await new Promise((resolve) => void setImmediate(resolve))
      for (const write of writes.splice(0)) write()
    }
    client.say(1, 'queue.declare', { queue: 'q', durable: true })
    while (client.isSuspended) await turn()
    client.publish(1, { routingKey: 'q', properties: { deliveryMode: 2 }, body: 'm' })
    client.say(1, 'basic.get', { queue: 'q' })
    client.say(1, 'basic.nack', { 'delivery-tag': 1, requeue: true })
    // It is counted in the log before it goes out again.
    client.say(1, 'basic.get', { queue: 'q', 'no-ack': true })
    expect([client.isSuspended, client.names()]).toEqual([true, ['queue.declare-ok', 'basic.get-ok']])
    for (let n = 0; n < turns; n++) await turn()
    const got = client.names()
    client.session.ended()
    for (let n = 0; n < 4; n++) await turn()
    expect(left().queues).toEqual([got.includes('basic.get-ok') ? 'q 0 0 0' : 'q 1 0 0'])
  })

  test('and a publish is confirmed behind its sync, in order', async () => {
    const client = SessionClient.open(broker, runtime)
    client.sayAll([1, 'queue.declare', { queue: 'q', durable: true }], [1, 'confirm.select'])
    while (client.isSuspended) {
      await new Promise((resolve) => void setImmediate(resolve))
      for (const write of writes.splice(0)) write()
    }
    client.heard()
    for (const deliveryMode of [2, 2, 1, 2])
      client.publish(1, { routingKey: 'q', properties: { deliveryMode }, body: 'm' })
    client.publish(1, { routingKey: 'nowhere', mandatory: true })
    const at = (): unknown[] =>
      client.heard().map(({ name, fields }) => [name, fields['delivery-tag'], fields['multiple']])
    expect(at()).toEqual([
      ['basic.return', undefined, undefined],
      ['basic.ack', 3, false],
      ['basic.ack', 5, false],
    ])
    await written(broker.close())
    expect(at()).toEqual([
      ['basic.ack', 2, true],
      ['basic.ack', 4, false],
    ])
  })
})

describe('publishers', () => {
  const blocked = { reason: 'no room', isAlarm: true }
  const behind = { reason: 'a moment', isAlarm: false }

  test('are held back and told while there is an alarm, and others are not', async () => {
    const [client, other] = [SessionClient.open(broker, runtime), SessionClient.open(broker, runtime)]
    client.publish(1, { routingKey: 'nowhere' })
    for (const { session } of [client, other]) session.alarm(blocked)
    expect([client.isSuspended, client.names(), client.session.state]).toEqual([
      true,
      ['connection.blocked'],
      'blocked',
    ])
    expect([other.isSuspended, other.names(), other.session.state]).toEqual([false, [], 'running'])
    client.say(1, 'access.request')
    expect(client.heard()).toEqual([])
    client.session.alarm(undefined)
    await runtime.settle()
    expect([client.isSuspended, client.names()]).toEqual([false, ['connection.unblocked', 'access.request-ok']])
  })

  test('are held back with their first publish', async () => {
    const client = SessionClient.open(broker, runtime)
    client.session.alarm(blocked)
    client.write(
      Buffer.concat([...publishFrames(1, { routingKey: 'x', mandatory: true }), methodFrame(1, 'access.request')]),
    )
    expect(client.names()).toEqual(['connection.blocked'])
    client.session.alarm(undefined)
    await runtime.settle()
    expect(client.names()).toEqual(['connection.unblocked', 'basic.return 312', 'access.request-ok'])
  })

  test('are held back without a word while the log is behind, and told when that becomes an alarm', async () => {
    const client = SessionClient.open(broker, runtime)
    client.publish(1, { routingKey: 'nowhere' })
    client.session.alarm(behind)
    expect([client.isSuspended, client.names()]).toEqual([true, []])
    client.session.alarm(blocked)
    expect([client.isSuspended, client.names()]).toEqual([true, ['connection.blocked']])
    client.session.alarm(behind)
    expect([client.isSuspended, client.names()]).toEqual([true, ['connection.unblocked']])
    client.session.alarm(undefined)
    await runtime.settle()
    expect([client.isSuspended, client.names()]).toEqual([false, []])
  })

  test('are held back again where that comes before they could go on', async () => {
    const client = SessionClient.open(broker, runtime)
    client.publish(1, { routingKey: 'nowhere' })
    for (const block of [behind, undefined, behind, undefined, behind]) client.session.alarm(block)
    await runtime.settle()
    expect(client.isSuspended).toBe(true)
    client.session.alarm(undefined)
    await runtime.settle()
    expect(client.isSuspended).toBe(false)
  })

  test('are not told what they do not know', () => {
    const client = SessionClient.open(broker, runtime, {})
    client.publish(1, { routingKey: 'nowhere' })
    client.session.alarm(blocked)
    expect([client.isSuspended, client.names()]).toEqual([true, []])
  })

  test('can be closed by the broker while they are held back', () => {
    const client = SessionClient.open(broker, runtime)
    client.publish(1, { routingKey: 'nowhere' })
    client.session.alarm(behind)
    client.write(Buffer.concat([...publishFrames(1, { routingKey: 'x' }), methodFrame(0, 'connection.close-ok')]))
    client.session.forceClose('enough')
    expect([client.isSuspended, client.told.slice(2)]).toEqual([false, ['closing', 'end 0']])
    expect(client.names()).toEqual(['connection.close 320'])
  })

  test('are answered by their own close that has waited, behind that of the broker', () => {
    const client = SessionClient.open(broker, runtime)
    client.publish(1, { routingKey: 'nowhere' })
    client.session.alarm(behind)
    client.say(0, 'connection.close')
    client.session.forceClose('enough')
    expect(client.names()).toEqual(['connection.close 320', 'connection.close-ok'])
  })

  test('go on in a later turn, not in the midst of what has made room', async () => {
    const [publisher, consumer] = [SessionClient.open(broker, runtime), SessionClient.open(broker, runtime)]
    broker.onEvent((event) => publisher.session.alarm(event.type === 'blocked' ? event : undefined))
    consumer.say(1, 'queue.declare', { queue: 'q', exclusive: true })
    for (let n = 0; n < 3; n++) publisher.publish(1, { routingKey: 'q', body: Buffer.alloc(50_000) })
    expect(publisher.isSuspended).toBe(true)
    const ready = (): number | undefined => broker.root.findQueue('q')?.ready
    const before = ready()
    consumer.say(1, 'queue.purge', { queue: 'q' })
    expect([before, ready()]).toEqual([2, 0])
    await runtime.settle()
    expect([publisher.isSuspended, ready()]).toEqual([false, 1])
  })
})

describe('a full socket', () => {
  test('holds consumers back, those included that begin on a channel of later', async () => {
    const [client, other] = [SessionClient.open(broker, runtime), SessionClient.open(broker, runtime)]
    client.sayAll([1, 'queue.declare', { queue: 'q' }], [1, 'basic.consume', { queue: 'q', 'no-ack': true }])
    client.session.pauseDeliveries(true)
    client.sayAll([2, 'channel.open'], [2, 'basic.consume', { queue: 'q', 'consumer-tag': 'late', 'no-ack': true }])
    for (const body of 'abcd') other.publish(1, { routingKey: 'q', body })
    await runtime.settle()
    expect(client.names()).toEqual(['queue.declare-ok', 'basic.consume-ok', 'channel.open-ok', 'basic.consume-ok'])
    client.session.pauseDeliveries(false)
    await runtime.settle()
    expect(client.names()).toEqual(Array.from({ length: 4 }, () => 'basic.deliver'))
  })

  test('loses direct replies only beyond what may wait for a client', async () => {
    const [asking, answering] = [SessionClient.open(broker, runtime), SessionClient.open(broker, runtime)]
    asking.say(1, 'queue.declare', { queue: 'q' })
    asking.say(1, 'basic.consume', { queue: 'amq.rabbitmq.reply-to', 'no-ack': true })
    asking.publish(1, { routingKey: 'q', properties: { replyTo: 'amq.rabbitmq.reply-to' } })
    answering.say(1, 'basic.get', { queue: 'q', 'no-ack': true })
    const routingKey = answering.heard()[0]?.content?.properties.toString('latin1', 3) ?? ''
    asking.heard()
    answering.publish(1, { routingKey, mandatory: true })
    asking.unread = 9 * 1024 * 1024
    answering.publish(1, { routingKey, mandatory: true })
    expect([answering.names(), asking.names()]).toEqual([['basic.return 312'], ['basic.deliver']])
  })
})

describe('the cancellation of a consumer', () => {
  test('is not said on a channel that has closed in the same chunk', () => {
    const client = SessionClient.open(broker, runtime)
    client.sayAll(
      [2, 'channel.open'],
      [1, 'queue.declare', { queue: 'q' }],
      [1, 'basic.consume', { queue: 'q' }],
      [2, 'queue.delete', { queue: 'q' }],
      [1, 'channel.close'],
      [1, 'channel.open'],
    )
    expect(client.names().slice(3)).toEqual(['queue.delete-ok', 'channel.close-ok', 'channel.open-ok'])
  })
})
