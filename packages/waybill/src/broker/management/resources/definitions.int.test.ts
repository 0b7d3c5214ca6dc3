import { afterAll, expect, test } from 'vitest'
import { describeApi } from '../peers.test-support.ts'

const HOST = `api definitions ${process.pid}`
const path = encodeURIComponent(HOST)

const queue = { name: 'q', vhost: HOST, durable: true, auto_delete: false, arguments: { 'x-max-length': 9 } }
const exchange = {
  name: 'x',
  vhost: HOST,
  type: 'topic',
  durable: true,
  auto_delete: false,
  internal: false,
  arguments: {},
}
const binding = {
  source: 'x',
  vhost: HOST,
  destination: 'q',
  destination_type: 'queue',
  routing_key: 'a.#',
  arguments: { n: 'x' },
}
const USER = `api defined ${process.pid}`
const user = {
  name: USER,
  password_hash: 'vTx1EbNTEAwg9i2kbqM/fKdhR0EajF2viZYijtohsDu6MdM8',
  hashing_algorithm: 'rabbit_password_hashing_sha256',
  tags: ['management'],
}
const permissions = { user: USER, vhost: HOST, configure: '^c', write: '^w', read: '^r' }
const topicPermissions = { user: USER, vhost: HOST, exchange: 'amq.topic', write: '^w', read: '^r' }
const DEFINITIONS = {
  users: [user],
  vhosts: [{ name: HOST }],
  permissions: [permissions],
  topic_permissions: [topicPermissions],
  queues: [queue],
  exchanges: [exchange],
  bindings: [binding],
}

describeApi('definitions', (peer) => {
  afterAll(async () => {
    await peer().api.delete(`vhosts/${path}`)
    await peer().api.delete(`users/${encodeURIComponent(USER)}`)
  })

  test('POST declares what is missing, and GET gives it back', async () => {
    const { api } = peer()
    expect(await api.post('definitions', DEFINITIONS)).toMatchObject({ status: 204 })
    expect(await api.post('definitions', DEFINITIONS)).toMatchObject({ status: 204 })
    const { body } = await api.get('definitions')
    expect(body).toMatchObject({ rabbit_version: expect.any(String) as string, parameters: expect.any(Array) as [] })
    expect(body.vhosts).toContainEqual(expect.objectContaining({ name: HOST }))
    expect(body.users).toContainEqual(expect.objectContaining(user))
    expect(body.permissions).toContainEqual(permissions)
    expect(body.topic_permissions).toContainEqual(topicPermissions)
    expect(body.queues).toContainEqual(queue)
    expect(body.exchanges).toContainEqual(exchange)
    expect(body.bindings).toContainEqual(binding)
    expect(body.exchanges.filter(({ name }: { name: string }) => name.startsWith('amq.'))).toEqual([])
  })

  test('a virtual host is exported and imported by itself, into any', async () => {
    const { api } = peer()
    const { body } = await api.get(`definitions/${path}`)
    const { vhost: _, ...ofHost } = queue
    expect(body.queues).toEqual([ofHost])
    expect(await api.post(`definitions/${path}`, { queues: [{ ...ofHost, name: 'second' }] })).toMatchObject({
      status: 204,
    })
    expect((await api.get(`definitions/${path}`)).body.queues).toHaveLength(2)
  })

  test('what exists is left as it is, and a binding without its ends is passed over', async () => {
    const { api } = peer()
    expect(await api.post('definitions', { queues: [{ ...queue, arguments: {} }] })).toMatchObject({ status: 204 })
    expect(await api.post('definitions', { bindings: [{ ...binding, source: 'nowhere' }] })).toMatchObject({
      status: 204,
    })
    expect((await api.get(`queues/${path}/q`)).body).toMatchObject({ arguments: queue.arguments })
  })

  test('what cannot be read is refused', async () => {
    const { api } = peer()
    expect(await api.post('definitions', '{nonsense')).toMatchObject({ status: 400 })
    expect(await api.post('definitions', { queues: [{ ...queue, vhost: 'nowhere' }] })).toMatchObject({
      status: 400,
      body: { reason: ['no_such_vhost', 'nowhere'] },
    })
  })
})
