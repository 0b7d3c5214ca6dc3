import { afterAll, expect, test } from 'vitest'
import { describeApi } from '../peers.test-support.ts'

const [USER, OTHER] = [`api user ${process.pid}`, `api other ${process.pid}`]
const HOST = `api host ${process.pid}`
const [user, other, host] = [USER, OTHER, HOST].map(encodeURIComponent)

describeApi('virtual hosts, users and permissions', (peer) => {
  afterAll(async () => {
    for (const path of [`users/${user}`, `users/${other}`, `vhosts/${host}`]) await peer().api.delete(path)
  })

  test('PUT makes a virtual host, which its maker may use', async () => {
    const { api } = peer()
    const settings = { description: 'for tests', tags: 'one,two' }
    expect(await api.put(`vhosts/${host}`, settings)).toMatchObject({ status: 201 })
    expect(await api.put(`vhosts/${host}`, settings)).toMatchObject({ status: 204 })
    expect(await api.get(`vhosts/${host}`)).toMatchObject({
      status: 200,
      body: { name: HOST, description: 'for tests', tags: ['one', 'two'], tracing: false },
    })
    expect((await api.get('vhosts?columns=name')).body).toContainEqual({ name: HOST })
    expect((await api.get(`permissions/${host}/guest`)).body).toEqual({
      user: 'guest',
      vhost: HOST,
      configure: '.*',
      write: '.*',
      read: '.*',
    })
    expect(await api.put(`queues/${host}/mine`)).toMatchObject({ status: 201 })
    expect(await api.get('vhosts/nowhere')).toMatchObject({ status: 404 })
  })

  test('PUT makes a user with a password, a hash, or neither', async () => {
    const { api } = peer()
    expect(await api.put(`users/${user}`, { password: 'secret', tags: 'management' })).toMatchObject({ status: 201 })
    expect(await api.put(`users/${user}`, { password: 'secret', tags: ['management'] })).toMatchObject({ status: 204 })
    expect(await api.as(USER, 'secret').get('whoami')).toMatchObject({ body: { name: USER, tags: ['management'] } })
    expect(await api.as(USER, 'wrong').get('whoami')).toMatchObject({ status: 401, body: { reason: 'Login failed' } })
    const hash = {
      password_hash: 'vTx1EbNTEAwg9i2kbqM/fKdhR0EajF2viZYijtohsDu6MdM8',
      hashing_algorithm: 'rabbit_password_hashing_sha256',
    }
    expect(await api.put(`users/${other}`, { ...hash, tags: 'administrator' })).toMatchObject({ status: 201 })
    expect(await api.as(OTHER, 'guest').get('whoami')).toMatchObject({ status: 200 })
    expect(await api.get(`users/${other}`)).toMatchObject({ body: { name: OTHER, tags: ['administrator'], ...hash } })
    expect(await api.put(`users/${other}`, { tags: '' })).toMatchObject({ status: 204 })
    expect(await api.as(OTHER, '').get('whoami')).toMatchObject({ status: 401 })
    expect(await api.put(`users/${other}`, { password: 'secret' })).toMatchObject({
      status: 400,
      body: { reason: 'tags_not_present' },
    })
    expect(await api.put(`users/${other}`, { password: 'a', password_hash: 'AAAA', tags: '' })).toMatchObject({
      status: 400,
    })
    expect((await api.get('users/without-permissions?columns=name')).body).toContainEqual({ name: USER })
  })

  test('permissions are given and taken, and hold for those who ask', async () => {
    const { api } = peer()
    const asUser = api.as(USER, 'secret')
    const path = `permissions/${host}/${user}`
    const permissions = { configure: '^own', write: '.*', read: '.*' }
    expect(await asUser.get(`queues/${host}`)).toMatchObject({ status: 401, body: { error: 'not_authorised' } })
    expect((await asUser.get('vhosts')).body).toEqual([])
    expect(await api.put(path, permissions)).toMatchObject({ status: 201 })
    expect(await api.put(path, permissions)).toMatchObject({ status: 204 })
    expect((await asUser.get('vhosts?columns=name')).body).toEqual([{ name: HOST }])
    expect((await asUser.get('queues?columns=name')).body).toEqual([{ name: 'mine' }])
    expect(await asUser.put(`queues/${host}/own`)).toMatchObject({ status: 201 })
    expect(await asUser.put(`queues/${host}/not`)).toMatchObject({ status: 401 })
    const message = { properties: {}, routing_key: 'own', payload: '', payload_encoding: 'string' }
    const publish = `exchanges/${host}/amq.default/publish`
    expect(await asUser.post(publish, message)).toMatchObject({ body: { routed: true } })
    await api.put(path, { ...permissions, write: '^own' })
    expect((await asUser.post(publish, message)).status).toBeGreaterThanOrEqual(400)
    await api.put(path, permissions)
    expect(await asUser.put(`vhosts/${host}x`)).toMatchObject({ status: 401 })
    expect(await asUser.get('users')).toMatchObject({ status: 401 })
    const shown = { user: USER, vhost: HOST, ...permissions }
    expect((await api.get('permissions')).body).toContainEqual(shown)
    expect((await api.get(`users/${user}/permissions`)).body).toEqual([shown])
    expect((await api.get(`vhosts/${host}/permissions`)).body).toContainEqual(shown)
    expect(await api.put(path, { configure: '' })).toMatchObject({
      status: 400,
      body: { reason: '[{key_missing,write},{key_missing,read}]' },
    })
    expect(await api.put(path, { ...permissions, configure: '(' })).toMatchObject({ status: 400 })
    expect(await api.put(`permissions/nowhere/${user}`, permissions)).toMatchObject({ status: 400 })
    expect(await api.put(`permissions/${host}/nobody`, permissions)).toMatchObject({ status: 400 })
    expect(await api.delete(path)).toMatchObject({ status: 204 })
    expect(await api.delete(path)).toMatchObject({ status: 404 })
    expect(await api.get(path)).toMatchObject({ status: 404 })
  })

  test('topic permissions are given and taken', async () => {
    const { api } = peer()
    const path = `topic-permissions/${host}/${user}`
    const topic = { exchange: 'amq.topic', write: '^a', read: '^b' }
    expect(await api.put(path, topic)).toMatchObject({ status: 201 })
    expect(await api.put(path, topic)).toMatchObject({ status: 204 })
    expect(await api.put(path, { ...topic, exchange: 'other' })).toMatchObject({
      status: expect.toBeOneOf([201, 204]) as number,
    })
    const shown = { user: USER, vhost: HOST, ...topic }
    expect((await api.get(path)).body).toContainEqual(shown)
    expect((await api.get(`users/${user}/topic-permissions`)).body).toContainEqual(shown)
    expect((await api.get(`vhosts/${host}/topic-permissions`)).body).toContainEqual(shown)
    expect((await api.get('topic-permissions')).body).toContainEqual(shown)
    expect(await api.put(path, { write: '', read: '' })).toMatchObject({ status: 400 })
    expect(await api.delete(`${path}/other`)).toMatchObject({ status: 204 })
    expect((await api.get(path)).body).toEqual([shown])
    expect(await api.delete(path)).toMatchObject({ status: 204 })
    expect(await api.delete(path)).toMatchObject({ status: 404 })
    expect(await api.get(path)).toMatchObject({ status: 404 })
  })

  test('users are deleted, several at a time too, and virtual hosts with what is in them', async () => {
    const { api } = peer()
    expect(await api.delete(`users/${user}`)).toMatchObject({ status: 204 })
    expect(await api.delete(`users/${user}`)).toMatchObject({ status: 404 })
    expect(await api.post('users/bulk-delete', {})).toMatchObject({ status: 400 })
    expect(await api.post('users/bulk-delete', { users: [OTHER] })).toMatchObject({ status: 204 })
    expect(await api.get(`users/${other}`)).toMatchObject({ status: 404 })
    expect(await api.delete(`vhosts/${host}`)).toMatchObject({ status: 204 })
    expect(await api.delete(`vhosts/${host}`)).toMatchObject({ status: 404 })
    expect(await api.get(`queues/${host}`)).toMatchObject({ status: 404 })
  })
})
