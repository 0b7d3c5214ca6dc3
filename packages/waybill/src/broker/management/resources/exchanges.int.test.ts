import { afterAll, expect, test } from 'vitest'
import { describeApi } from '../peers.test-support.ts'

const OWN = `api exchange/~ ${process.pid}`
const QUEUE = `${OWN} queue`
const [exchange, queue] = [OWN, QUEUE].map(encodeURIComponent)

describeApi('exchanges and bindings', (peer) => {
  afterAll(async () => {
    await peer().api.delete(`queues/%2F/${queue}`)
  })

  test('PUT makes an exchange, says so, and refuses one that is unequal', async () => {
    const { api } = peer()
    const declared = { type: 'topic', durable: true, arguments: { 'alternate-exchange': 'amq.fanout', 'x-unknown': 1 } }
    expect(await api.put(`exchanges/%2F/${exchange}`, declared)).toMatchObject({ status: 201 })
    expect(await api.put(`exchanges/%2F/${exchange}`, declared)).toMatchObject({ status: 204 })
    expect(await api.put(`exchanges/%2F/${exchange}`, { ...declared, type: 'direct' })).toMatchObject({
      status: 400,
      body: { reason: expect.stringContaining(OWN) as string },
    })
    expect(await api.put('exchanges/%2F/mine', { type: 'sausage' })).toMatchObject({ status: 400 })
    expect(await api.put('exchanges/%2F/amq.mine', { type: 'direct' })).toMatchObject({ status: 401 })
    expect(await api.delete('exchanges/%2F/amq.direct')).toMatchObject({ status: 401 })
    expect(await api.get(`exchanges/%2F/${exchange}`)).toMatchObject({
      status: 200,
      body: {
        name: OWN,
        vhost: '/',
        type: 'topic',
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: { 'alternate-exchange': 'amq.fanout', 'x-unknown': 1 },
        incoming: [],
        outgoing: [],
      },
    })
  })

  test('GET lists the exchanges that are always there too', async () => {
    const { body } = await peer().api.get('exchanges/%2F?columns=name,type')
    for (const each of [
      { name: '', type: 'direct' },
      { name: 'amq.topic', type: 'topic' },
      { name: OWN, type: 'topic' },
    ])
      expect(body).toContainEqual(each)
    expect(await peer().api.get('exchanges/%2F/amq.default')).toMatchObject({ body: { name: '', type: 'direct' } })
    expect(await peer().api.get('exchanges/%2F/nowhere')).toMatchObject({ status: 404 })
  })

  test('POST makes a binding, and names it; GET and DELETE know it by that', async () => {
    const { api } = peer()
    await api.put(`queues/%2F/${queue}`, { durable: true })
    const path = `bindings/%2F/e/${exchange}/q/${queue}`
    const made = await api.post(path, { routing_key: 'a b/#', arguments: { n: 'x' } })
    expect(made.status).toBe(201)
    const location = made.headers.get('location') ?? ''
    expect(location).toContain('a%2Bb%252F%2523~')
    const name = location.slice(location.lastIndexOf('/') + 1)
    const binding = {
      source: OWN,
      vhost: '/',
      destination: QUEUE,
      destination_type: 'queue',
      routing_key: 'a b/#',
      arguments: { n: 'x' },
      properties_key: decodeURIComponent(name),
    }
    expect(await api.get(`${path}/${name}`)).toMatchObject({ status: 200, body: binding })
    expect((await api.get(path)).body).toEqual([binding])
    expect((await api.get(`queues/%2F/${queue}/bindings`)).body).toEqual([
      { ...binding, source: '', routing_key: QUEUE, arguments: {}, properties_key: expect.any(String) as string },
      binding,
    ])
    expect((await api.get(`exchanges/%2F/${exchange}/bindings/source`)).body).toEqual([binding])
    expect((await api.get('bindings/%2F')).body).toContainEqual(binding)
    expect(await api.delete(`${path}/${name}`)).toMatchObject({ status: 204 })
    expect(await api.delete(`${path}/${name}`)).toMatchObject({ status: 404 })
    expect((await api.get(path)).body).toEqual([])
  })

  test('POST binds exchanges to each other, and refuses what does not exist', async () => {
    const { api } = peer()
    const path = `bindings/%2F/e/${exchange}/e/amq.fanout`
    const made = await api.post(path)
    expect(made).toMatchObject({ status: 201 })
    expect(made.headers.get('location')).toMatch(/\/~$/)
    expect((await api.get('exchanges/%2F/amq.fanout/bindings/destination')).body).toMatchObject([
      { source: OWN, destination_type: 'exchange', routing_key: '', properties_key: '~' },
    ])
    expect(await api.delete(`${path}/~`)).toMatchObject({ status: 204 })
    expect(await api.post(`bindings/%2F/e/nowhere/q/${queue}`)).toMatchObject({
      status: 404,
      body: { error: 'not_found' },
    })
    expect(await api.post(`bindings/%2F/e/${exchange}/q/nowhere`)).toMatchObject({ status: 404 })
    expect(await api.post(`bindings/%2F/e/amq.default/q/${queue}`)).toMatchObject({ status: 401 })
  })

  test('a queue and an exchange of one name have bindings of their own', async () => {
    const { api } = peer()
    await api.put(`exchanges/%2F/${queue}`, { type: 'fanout' })
    const [toQueue, toExchange] = ['q', 'e'].map((kind) => `bindings/%2F/e/${exchange}/${kind}/${queue}`)
    await api.post(toQueue ?? '', { routing_key: 'to queue' })
    await api.post(toExchange ?? '', { routing_key: 'to exchange' })
    expect((await api.get(toQueue ?? '')).body).toMatchObject([{ routing_key: 'to queue', destination_type: 'queue' }])
    expect((await api.get(toExchange ?? '')).body).toMatchObject([{ routing_key: 'to exchange' }])
    expect(await api.delete(`exchanges/%2F/${queue}`)).toMatchObject({ status: 204 })
    expect((await api.get(toQueue ?? '')).body).toHaveLength(1)
    expect((await api.get(toExchange ?? '')).body).toEqual([])
  })

  test('POST …/publish says whether a queue took the message', async () => {
    const { api } = peer()
    await api.post(`bindings/%2F/e/${exchange}/q/${queue}`, { routing_key: 'yes' })
    const message = {
      properties: { delivery_mode: 2, content_type: 'text/plain', headers: { n: 1 }, message_id: 'id', priority: 1 },
      routing_key: 'yes',
      payload: 'hello',
      payload_encoding: 'string',
    }
    const path = `exchanges/%2F/${exchange}/publish`
    expect(await api.post(path, message)).toMatchObject({ status: 200, body: { routed: true } })
    expect(await api.post(path, { ...message, routing_key: 'no' })).toMatchObject({ body: { routed: false } })
    expect(await api.post(path, { ...message, payload_encoding: 'morse' })).toMatchObject({ status: 400 })
    expect(await api.post(path, { routing_key: 'yes', payload: '' })).toMatchObject({ status: 400 })
    const got = await api.post(`queues/%2F/${queue}/get`, { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' })
    expect(got.body).toMatchObject([{ exchange: OWN, payload: 'hello', properties: message.properties }])
  })

  test('DELETE deletes an exchange, unless it must not', async () => {
    const { api } = peer()
    expect(await api.delete(`exchanges/%2F/${exchange}?if-unused=true`)).toMatchObject({ status: 400 })
    expect(await api.delete(`exchanges/%2F/${exchange}`)).toMatchObject({ status: 204 })
    expect(await api.delete(`exchanges/%2F/${exchange}`)).toMatchObject({ status: 404 })
  })
})
