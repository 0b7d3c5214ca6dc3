import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashPassword } from '../access/password-hash.ts'
import { startManaged, type Managed } from './management.test-support.ts'

let managed: Managed
beforeAll(async () => {
  managed = await startManaged()
  const password = await hashPassword('guest')
  for (const name of ['management', 'policymaker', 'monitoring', 'administrator'])
    managed.broker.access.users.set({ name, tags: [name], password })
  managed.broker.access.users.set({ name: 'nobody', tags: [], password })
})
afterAll(() => managed.close())

/** With a header that `fetch` does not send as it is told. */
function status(host: string): Promise<number | undefined> {
  const { hostname, port } = new URL(managed.url)
  const headers = { host, authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` }
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path: '/api/whoami', headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', reject).end()
  })
}

test('nobody comes in without the right password and a tag', async () => {
  const { api, url } = managed
  expect((await fetch(`${url}/api/whoami`)).headers.get('www-authenticate')).toMatch(/^Basic /)
  const refused = { status: 401, body: { error: 'not_authorized', reason: 'Login failed' } }
  expect(await api.as('guest', 'wrong').get('whoami')).toMatchObject(refused)
  expect(await api.ask('GET', 'whoami', undefined, { authorization: 'Bearer token' })).toMatchObject(refused)
  expect(await api.ask('GET', 'whoami', undefined, { authorization: 'Basic !' })).toMatchObject(refused)
  expect(await api.get('whoami')).toMatchObject({ status: 200, body: { name: 'guest', tags: ['administrator'] } })
  expect(await api.as('nobody', 'guest').get('whoami')).toMatchObject({
    status: 401,
    body: { error: 'not_authorised', reason: 'Not management user' },
  })
})

test('each tag opens its own doors', async () => {
  const { api } = managed
  const doors = ['overview', 'nodes', 'definitions'] as const
  const open = async (user: string): Promise<readonly string[]> => {
    const answers = await Promise.all(doors.map((door) => api.as(user, 'guest').get(door)))
    return doors.filter((_, at) => answers[at]?.status === 200)
  }
  expect(await open('management')).toEqual(['overview'])
  expect(await open('policymaker')).toEqual(['overview'])
  expect(await open('monitoring')).toEqual(['overview', 'nodes'])
  expect(await open('administrator')).toEqual(['overview', 'nodes', 'definitions'])
})

test('a path has its methods', async () => {
  const { api } = managed
  const wrong = await api.put('overview')
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'HEAD, GET, OPTIONS'])
  const options = await api.ask('OPTIONS', 'queues/%2F/q')
  expect([options.status, options.headers.get('allow')]).toEqual([200, 'HEAD, GET, PUT, DELETE, OPTIONS'])
  expect(options.headers.get('access-control-allow-origin')).toBeNull()
  expect(await api.ask('HEAD', 'queues')).toMatchObject({ status: 200, body: undefined })
  expect(await api.get('nothing')).toMatchObject({
    status: 404,
    body: { error: 'Object Not Found', reason: 'Not Found' },
  })
  expect(await api.get('queues/%zz')).toMatchObject({ status: 400 })
})

test('a loopback address answers to its own names only, whatever a web page calls it', async () => {
  for (const host of ['localhost:1', 'waybill.localhost', '127.0.0.1', '[::1]:15672'])
    expect(await status(host)).toBe(200)
  for (const host of ['example.com', 'localhost.example.com:80']) expect(await status(host)).toBe(421)
})

test('a body that is too long is refused, announced or not, and its rest is not waited for', async () => {
  const { api, url } = managed
  const long = JSON.stringify({ arguments: { x: 'x'.repeat(1024 * 1024) } })
  expect(await api.put('queues/%2F/long', long)).toMatchObject({ status: 413 })
  const chunked = await fetch(`${url}/api/queues/%2F/long`, {
    method: 'PUT',
    headers: { authorization: 'Basic Z3Vlc3Q6Z3Vlc3Q=' },
    body: new Blob([long]).stream(),
    duplex: 'half',
  })
  expect(chunked.status).toBe(413)
  const { hostname, port } = new URL(url)
  const socket = connectTcp(Number(port), hostname)
  const answers = await new Promise<string>((resolve, reject) => {
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    socket.on('close', () => resolve(text)).on('error', reject)
    socket.write(
      `PUT /api/queues/%2F/long HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n` +
        `content-length: 2000000\r\n\r\n{`,
    )
  })
  expect(answers).toMatch(/^HTTP\/1\.1 413 [^]*\r\nconnection: close\r\n/i)
})

test('overview, nodes and health checks say what clients ask for', async () => {
  const { api, amqpPort } = managed
  expect((await api.get('overview')).body).toMatchObject({
    rabbitmq_version: expect.stringMatching(/^3\./) as string,
    management_version: expect.any(String) as string,
    product_name: 'Waybill',
    product_version: '0.0.0',
    cluster_name: expect.any(String) as string,
    node: expect.stringMatching(/^waybill@/) as string,
    object_totals: { channels: 0, connections: 0, consumers: 0, exchanges: 7, queues: 0 },
    queue_totals: { messages: 0, messages_ready: 0, messages_unacknowledged: 0 },
    message_stats: {},
    listeners: [{ protocol: 'amqp', port: amqpPort }],
  })
  const [node] = (await api.get('nodes')).body
  expect(node).toMatchObject({ running: true, mem_alarm: false, disk_free_alarm: false, os_pid: String(process.pid) })
  expect(await api.get(`nodes/${encodeURIComponent(node.name)}`)).toMatchObject({ status: 200 })
  for (const check of [
    'alarms',
    'local-alarms',
    'virtual-hosts',
    'ready-to-serve-clients',
    `port-listener/${amqpPort}`,
  ])
    expect(await api.get(`health/checks/${check}`)).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await api.get('aliveness-test/%2F')).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await api.get('health/checks/port-listener/1')).toMatchObject({
    status: 503,
    body: { status: 'failed', missing: 1, ports: [amqpPort] },
  })
  managed.broker.diskIsFull(true)
  try {
    expect(await api.get('health/checks/alarms')).toMatchObject({
      status: 503,
      body: { status: 'failed', alarms: [{ resource: 'disk' }] },
    })
    expect((await api.get('nodes')).body).toMatchObject([{ disk_free_alarm: true }])
    const message = { properties: {}, routing_key: 'q', payload: '', payload_encoding: 'string' }
    expect(await api.post('exchanges/%2F/amq.default/publish', message)).toMatchObject({ status: 503 })
  } finally {
    managed.broker.diskIsFull(false)
  }
})

test('who has not come in yet is no connection', async () => {
  const { api, amqpPort } = managed
  const socket = connectTcp(amqpPort, '127.0.0.1')
  const greeted = once(socket, 'data')
  socket.write('AMQP\0\0\u0009\u0001')
  await greeted
  expect((await api.get('connections')).body).toEqual([])
  expect((await api.get('overview')).body).toMatchObject({ object_totals: { connections: 0 } })
  socket.destroy()
})

test('a list of thousands goes out whole, over several turns', async () => {
  const { api, broker } = managed
  const connection = broker.root.connect()
  const names = Array.from({ length: 1_234 }, (_, n) => `many ${n}`)
  const flags = { durable: false, exclusive: true, autoDelete: false, arguments: {} }
  for (const name of names) broker.root.declareQueue({ name, ...flags }, connection)
  const { body } = await api.get('queues?columns=name')
  expect(body.map(({ name }: { name: string }) => name)).toEqual(names.toSorted())
  connection.close()
})

test('what RabbitMQ has, and would be missed here, is refused', async () => {
  const { api } = managed
  expect(await api.put('vhosts/traced', { tracing: true })).toMatchObject({ status: 400 })
  expect(await api.put('vhosts/typed', { default_queue_type: 'quorum' })).toMatchObject({ status: 400 })
  expect(await api.put('vhosts/plain', { tracing: false, default_queue_type: 'classic' })).toMatchObject({
    status: 201,
  })
})
