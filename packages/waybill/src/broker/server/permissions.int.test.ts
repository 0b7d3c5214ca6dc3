import { connect, type Channel, type ChannelModel } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { hashPassword } from '../access/password-hash.ts'
import { Broker } from '../broker.ts'
import { exchangeDefinition, queueDefinition } from '../broker.test-support.ts'
import { serveBroker, type BrokerServer } from './serve-broker.ts'

const VHOST = 'v'

let broker: Broker
let server: BrokerServer
let connection: ChannelModel

beforeAll(async () => {
  const runtime = systemRuntime()
  broker = await Broker.open({ runtime })
  const { access, virtualHosts } = broker
  const host = virtualHosts.create(VHOST)
  const own = host.connect()
  for (const name of ['w-q', 'r-q']) host.declareQueue(queueDefinition(name), own)
  for (const name of ['r-topic', 'w-topic']) host.declareExchange(exchangeDefinition(name), own)
  host.declareExchange(exchangeDefinition('w-x', { type: 'fanout' }), own)
  access.users.set({ name: 'u', tags: [], password: await hashPassword('sesam') })
  access.permissions.set({ virtualHost: VHOST, user: 'u', configure: '^c-', write: '^w-', read: '^r-' })
  access.permissions.setTopics({ virtualHost: VHOST, user: 'u', exchange: 'r-topic', write: '', read: '^ok' })
  access.permissions.setTopics({
    virtualHost: VHOST,
    user: 'u',
    exchange: 'w-topic',
    write: '^{username}\\.',
    read: '',
  })
  const authenticate = access.authenticate.bind(access)
  server = await serveBroker({ broker, runtime, host: '127.0.0.1', port: 0, authenticate, version: '0' })
  connection = await enter('u', 'sesam', VHOST)
})

afterAll(async () => {
  await connection.close()
  await server.close(1_000, 'the test is over')
  await broker.close()
})

async function enter(username: string, password: string, vhost: string): Promise<ChannelModel> {
  const where = { protocol: 'amqp', hostname: '127.0.0.1', port: server.port }
  const entered = await connect({ ...where, username, password, vhost })
  entered.on('error', () => {})
  return entered
}

/** What the channel is closed with; `undefined` when it is not. */
async function refusal(act: (channel: Channel) => unknown): Promise<string | undefined> {
  const channel = await connection.createChannel()
  let refused: Error | undefined
  channel.on('error', (error: Error) => (refused = error))
  try {
    await act(channel)
    // What has no answer has been dealt with when this has.
    await channel.checkExchange('amq.direct')
    await channel.close()
    return undefined
  } catch {
    return /"(.*)"/.exec(refused?.message ?? '')?.[1]
  }
}

const body = Buffer.from('m')

/** Is refused. */
const NOTHING = ''

describe('an operation needs what RabbitMQ asks for it', () => {
  test.each<readonly [string, (channel: Channel) => unknown, string]>([
    ['queue.declare', (c) => c.assertQueue('q'), "configure access to queue 'q'"],
    ['queue.declare with permission', (c) => c.assertQueue('c-q'), NOTHING],
    ['queue.declare of a name by the broker', (c) => c.assertQueue(''), "configure access to queue 'amq.gen-"],
    ['queue.declare with DLX', (c) => c.assertQueue('c-d', { deadLetterExchange: 'x' }), "read access to queue 'c-d'"],
    ['queue.delete', (c) => c.deleteQueue('r-q'), "configure access to queue 'r-q'"],
    ['queue.purge', (c) => c.purgeQueue('w-q'), "read access to queue 'w-q'"],
    ['queue.purge with permission', (c) => c.purgeQueue('r-q'), NOTHING],
    ['exchange.declare', (c) => c.assertExchange('x', 'topic'), "configure access to exchange 'x'"],
    ['exchange.declare with permission', (c) => c.assertExchange('c-x', 'topic'), NOTHING],
    [
      'exchange.declare with an alternate',
      (c) => c.assertExchange('c-a', 'topic', { alternateExchange: 'w-a' }),
      "read access to exchange 'c-a'",
    ],
    ['exchange.delete', (c) => c.deleteExchange('w-x'), "configure access to exchange 'w-x'"],
    ['queue.bind to', (c) => c.bindQueue('r-q', 'r-topic', 'ok'), "write access to queue 'r-q'"],
    ['queue.bind from', (c) => c.bindQueue('w-q', 'w-x', 'k'), "read access to exchange 'w-x'"],
    [
      'queue.bind by topic',
      (c) => c.bindQueue('w-q', 'r-topic', 'no'),
      "read access to topic 'no' in exchange 'r-topic'",
    ],
    ['queue.bind with permission', (c) => c.bindQueue('w-q', 'r-topic', 'ok'), NOTHING],
    ['queue.unbind', (c) => c.unbindQueue('r-q', 'r-topic', 'ok'), "write access to queue 'r-q'"],
    ['exchange.bind', (c) => c.bindExchange('', 'r-topic', 'ok'), "write access to exchange 'amq.default'"],
    ['exchange.bind with permission', (c) => c.bindExchange('w-x', 'r-topic', 'ok'), NOTHING],
    ['exchange.unbind', (c) => c.unbindExchange('w-x', 'w-x', 'k'), "read access to exchange 'w-x'"],
    ['basic.publish', (c) => c.publish('r-topic', 'k', body), "write access to exchange 'r-topic'"],
    ['basic.publish to a queue', (c) => c.sendToQueue('w-q', body), "write access to exchange 'amq.default'"],
    [
      'basic.publish by topic',
      (c) => c.publish('w-topic', 'k', body),
      "write access to topic 'k' in exchange 'w-topic'",
    ],
    ['basic.publish with permission', (c) => c.publish('w-topic', 'u.k', body), NOTHING],
    ['basic.get', (c) => c.get('w-q'), "read access to queue 'w-q'"],
    ['basic.get with permission', (c) => c.get('r-q'), NOTHING],
    ['basic.consume', (c) => c.consume('w-q', () => {}), "read access to queue 'w-q'"],
    ['basic.consume with permission', (c) => c.consume('r-q', () => {}), NOTHING],
    ['queue.declare, passive', (c) => c.checkQueue('w-q'), NOTHING],
  ])('%s', async (_, act, expected) => {
    const full = new RegExp(`^ACCESS_REFUSED - ${expected}.* in vhost '${VHOST}' refused for user 'u'$`)
    expect((await refusal(act)) ?? NOTHING).toMatch(expected === NOTHING ? /^$/ : full)
  })

  test('also after permissions have changed, in the middle of publishes', async () => {
    const { permissions } = broker.access
    const host = broker.virtualHosts.get(VHOST)
    const before = permissions.get(VHOST, 'u')
    if (before === undefined || host === undefined) throw new Error('the test is not set up')
    const publishedTwice = (between: () => void): Promise<string | undefined> =>
      refusal(async (channel) => {
        channel.publish('w-x', 'k', body)
        await channel.checkExchange('w-x')
        between()
        channel.publish('w-x', 'k', body)
      })
    expect(await publishedTwice(() => {})).toBeUndefined()
    expect(await publishedTwice(() => permissions.set({ ...before, write: '' }))).toContain(
      "write access to exchange 'w-x'",
    )
    permissions.set(before)
    // The name means an exchange of topics now.
    permissions.setTopics({ virtualHost: VHOST, user: 'u', exchange: 'w-x', write: 'other', read: '' })
    const renewed = await publishedTwice(() => {
      host.deleteExchange('w-x', host.connect(), false)
      host.declareExchange(exchangeDefinition('w-x', { type: 'topic' }), host.connect())
    })
    expect(renewed).toContain("write access to topic 'k' in exchange 'w-x'")
  })
})

describe('a login', () => {
  test('is refused with a wrong password, and to a virtual host without permissions', async () => {
    await expect(enter('u', 'wrong', VHOST)).rejects.toThrow(
      /403.*Login was refused using authentication mechanism PLAIN/,
    )
    await expect(enter('u', 'sesam', '/')).rejects.toThrow(/got <ConnectionClose/)
    await expect(enter('guest', 'guest', VHOST)).rejects.toThrow(/got <ConnectionClose/)
    await (await enter('guest', 'guest', '/')).close()
  })

  test('may be slow, and holds nobody up; of a user who is deleted, it ends', async () => {
    broker.access.users.set({ name: 'other', tags: [], password: await hashPassword('sesam') })
    broker.access.permissions.set({ virtualHost: VHOST, user: 'other', configure: '', write: '', read: '' })
    const others = await Promise.all(Array.from({ length: 20 }, () => enter('other', 'sesam', VHOST)))
    const closed = others.map((each) => new Promise<Error>((resolve) => each.on('close', resolve)))
    broker.access.users.delete('other')
    for (const error of await Promise.all(closed)) {
      expect(error.message).toMatch(/320.*CONNECTION_FORCED - user 'other' is deleted/)
    }
    expect(await refusal((channel) => channel.get('r-q'))).toBeUndefined()
  })
})

test("user_id is the user's own, unless the user has the tag impersonator", async () => {
  const properties = { userId: 'somebody' }
  const published = (channel: Channel): void => void channel.publish('w-topic', 'u.k', body, properties)
  expect(await refusal(published)).toMatch(/PRECONDITION_FAILED - user_id property set to 'somebody'/)
  const user = broker.access.users.get('u')
  if (user === undefined) throw new Error('the test is not set up')
  broker.access.users.set({ ...user, tags: ['impersonator'] })
  const before = connection
  connection = await enter('u', 'sesam', VHOST)
  expect(await refusal(published)).toBeUndefined()
  await before.close()
})
