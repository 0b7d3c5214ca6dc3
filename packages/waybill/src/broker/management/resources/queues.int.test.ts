import { expect, test, vi } from 'vitest'
import { describeApi } from '../peers.test-support.ts'

/** On one's own in a RabbitMQ that others use too. */
const NAME = `api queue/~ ${process.pid}`
const PATH = `queues/%2F/${encodeURIComponent(NAME)}`

describeApi('queues', (peer) => {
  test('PUT makes a queue, says so, and refuses one that is unequal', async () => {
    const { api } = peer()
    const queue = { durable: true, auto_delete: false, arguments: { 'x-message-ttl': 60_000, 'x-unknown': 'kept' } }
    expect(await api.put(PATH, queue)).toMatchObject({ status: 201, body: undefined })
    expect(await api.put(PATH, queue)).toMatchObject({ status: 204 })
    expect(await api.put(PATH, { ...queue, durable: false })).toMatchObject({
      status: 400,
      body: {
        error: 'bad_request',
        reason: expect.stringContaining(`inequivalent arg 'durable' for queue '${NAME}'`) as string,
      },
    })
    expect(await api.put(PATH, '{nonsense')).toMatchObject({ status: 400, body: { reason: 'not_json' } })
    expect(await api.put(PATH, { durable: 'perhaps' })).toMatchObject({ status: 400 })
    expect(await api.put('queues/%2F/amq.mine')).toMatchObject({ status: 401, body: { error: 'not_authorised' } })
    expect(await api.put('queues/nowhere/mine')).toMatchObject({ status: 404 })
  })

  test('GET shows a queue as clients look for it', async () => {
    const { api, shownWithin, connect } = peer()
    const channel = await (await connect()).createConfirmChannel()
    channel.sendToQueue(NAME, Buffer.from('one'), { persistent: true })
    await channel.waitForConfirms()
    await vi.waitFor(async () => {
      expect(await api.get(PATH)).toMatchObject({
        status: 200,
        body: {
          name: NAME,
          vhost: '/',
          type: 'classic',
          durable: true,
          auto_delete: false,
          exclusive: false,
          arguments: { 'x-message-ttl': 60_000, 'x-unknown': 'kept' },
          node: expect.any(String) as string,
          state: 'running',
          consumers: 0,
          messages: 1,
          messages_ready: 1,
          messages_unacknowledged: 0,
          messages_details: { rate: expect.any(Number) as number },
          message_stats: { publish: 1, publish_details: { rate: expect.any(Number) as number } },
          consumer_details: [],
          policy: null,
          effective_policy_definition: {},
        },
      })
    }, shownWithin)
    expect(await api.get('queues/%2F/nowhere')).toMatchObject({
      status: 404,
      body: { error: 'Object Not Found', reason: 'Not Found' },
    })
  })

  test('GET lists queues, by page and with columns', async () => {
    const { api, shownWithin } = peer()
    const { body } = await api.get(`queues/%2F?columns=name,durable,vhost`)
    expect(body).toContainEqual({ name: NAME, durable: true, vhost: '/' })
    await vi.waitFor(async () => {
      const page = await api.get(`queues?page=1&page_size=1&columns=name&name=${process.pid}`)
      expect(page.body).toMatchObject({
        items: [{ name: NAME }],
        page: 1,
        page_size: 1,
        page_count: 1,
        item_count: 1,
        filtered_count: 1,
        total_count: expect.any(Number) as number,
      })
    }, shownWithin)
    expect(await api.get('queues?page=0')).toMatchObject({ status: 400 })
  })

  test('POST …/get shows messages and puts them back, or keeps them', async () => {
    const { api } = peer()
    const ask = { count: 5, ackmode: 'ack_requeue_true', encoding: 'auto' }
    const message = { exchange: '', routing_key: NAME, payload_bytes: 3, message_count: 0 }
    expect(await api.post(`${PATH}/get`, ask)).toMatchObject({
      status: 200,
      body: [
        {
          ...message,
          redelivered: false,
          payload: 'one',
          payload_encoding: 'string',
          properties: { delivery_mode: 2 },
        },
      ],
    })
    expect((await api.post(`${PATH}/get`, { ...ask, encoding: 'base64', truncate: 2 })).body).toMatchObject([
      { ...message, redelivered: true, payload: 'b24=', payload_encoding: 'base64' },
    ])
    expect((await api.post(`${PATH}/get`, { ...ask, ackmode: 'reject_requeue_false' })).body).toHaveLength(1)
    expect(await api.post(`${PATH}/get`, ask)).toMatchObject({ status: 200, body: [] })
    expect(await api.post(`${PATH}/get`, { count: 1 })).toMatchObject({
      status: 400,
      body: { reason: '[{key_missing,ackmode},{key_missing,encoding}]' },
    })
    expect(await api.post('queues/%2F/nowhere/get', ask)).toMatchObject({ status: 404, body: { error: 'not_found' } })
  })

  test('DELETE …/contents purges, DELETE deletes, unless it must not', async () => {
    const { api } = peer()
    const publish = { properties: {}, routing_key: NAME, payload: 'YQ==', payload_encoding: 'base64' }
    expect(await api.post('exchanges/%2F/amq.default/publish', publish)).toMatchObject({ body: { routed: true } })
    expect(await api.delete(`${PATH}?if-empty=true`)).toMatchObject({ status: 400 })
    expect(await api.delete(`${PATH}/contents`)).toMatchObject({ status: 204, body: undefined })
    expect((await api.post(`${PATH}/get`, { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' })).body).toEqual(
      [],
    )
    expect(await api.delete(`${PATH}?if-empty=true`)).toMatchObject({ status: 204 })
    expect(await api.delete(PATH)).toMatchObject({ status: 404 })
    expect(await api.delete(`${PATH}/contents`)).toMatchObject({ status: 404 })
    expect(await api.get(`${PATH}/contents`)).toMatchObject({ status: 405 })
  })

  test('an exclusive queue is its connection’s alone', async () => {
    const { api, connect } = peer()
    const { queue } = await (await (await connect()).createChannel()).assertQueue('', { exclusive: true })
    const path = `queues/%2F/${queue}`
    expect(await api.delete(path)).toMatchObject({ status: 400 })
    expect(await api.post(`${path}/get`, { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' })).toMatchObject({
      status: 400,
    })
  })
})
