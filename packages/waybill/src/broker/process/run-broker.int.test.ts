import { connect, type ChannelModel } from 'amqplib'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { runBroker, type Door } from './run-broker.ts'
import type { RunningBroker } from './running-broker.ts'

let dir: string
let log: string[]
let running: RunningBroker | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-run-'))
  log = []
})

afterEach(async () => {
  await running?.end()
  await rm(dir, { recursive: true })
})

async function run(own?: Door['own']): Promise<RunningBroker> {
  const door = { host: '127.0.0.1', port: 0, ...(own === undefined ? {} : { own }) }
  const options = { dir, runtime: systemRuntime(), lockWaitMs: 1_000, door }
  running = await runBroker({ ...options, log: (line) => void log.push(line) })
  return running
}

interface Entry {
  readonly port?: number
  readonly vhost?: string
}

function enter(username: string, password: string, { port, vhost = '/' }: Entry = {}): Promise<ChannelModel> {
  const at = port ?? running?.front ?? 0
  return connect({ protocol: 'amqp', hostname: '127.0.0.1', port: at, username, password, vhost })
}

const comesIn = async (...entry: Parameters<typeof enter>): Promise<boolean> => {
  try {
    await (await enter(...entry)).close()
    return true
  } catch (error) {
    expect(String(error)).toMatch(/403|ConnectionClose/)
    return false
  }
}

test('guest comes in, unless the process was given a user of its own, who may go everywhere', async () => {
  await run()
  expect([await comesIn('guest', 'guest'), await comesIn('own', 'sesam')]).toEqual([true, false])
  await running?.end()
  await run({ user: 'own', password: 'sesam' })
  expect([await comesIn('guest', 'guest'), await comesIn('own', 'sesam'), await comesIn('own', 'x')]).toEqual([
    false,
    true,
    false,
  ])
})

test('the secret of the folder opens its own door, to the virtual host of the services', async () => {
  const { announcement } = await run()
  const { port, user, secret } = announcement
  expect(await comesIn(user, secret, { port })).toBe(true)
  expect(await comesIn(user, 'x', { port })).toBe(false)
  expect(await comesIn('guest', 'guest', { port })).toBe(false)
  expect(await comesIn(user, secret, { port, vhost: 'other' })).toBe(false)
  expect(await comesIn(user, secret)).toBe(false)
})

test('what newer RabbitMQ refuses is in the log, once', async () => {
  await run()
  const connection = await enter('guest', 'guest')
  const channel = await connection.createChannel()
  for (let n = 0; n < 2; n++) {
    await channel.prefetch(5, true)
    await channel.assertQueue('passing', { durable: false })
    await channel.deleteQueue('passing')
  }
  await connection.close()
  expect(log.slice(1)).toEqual([
    "user 'guest' in vhost '/' sets a global prefetch (basic.qos), which RabbitMQ 4.3 refuses",
    "queue 'passing' in vhost '/' is neither durable nor exclusive, which RabbitMQ 4.3 refuses",
  ])
})
