import { afterAll, expect, test, vi } from 'vitest'
import { describeApi } from '../peers.test-support.ts'

const POLICY = `api policy ${process.pid}`
const QUEUE = `policed ${process.pid}`
const [policy, queue] = [POLICY, QUEUE].map(encodeURIComponent)
const path = `policies/%2F/${policy}`

describeApi('policies', (peer) => {
  afterAll(async () => {
    await peer().api.delete(`queues/%2F/${queue}`)
    await peer().api.delete(path)
  })

  test('PUT makes a policy, which holds for what it matches until DELETE', async () => {
    const { api, shownWithin } = peer()
    await api.put(`queues/%2F/${queue}`, { durable: true })
    const given = {
      pattern: `^policed ${process.pid}$`,
      definition: { 'max-length': 5 },
      priority: 3,
      'apply-to': 'queues',
    }
    expect(await api.put(path, given)).toMatchObject({ status: 201 })
    expect(await api.put(path, given)).toMatchObject({ status: 204 })
    const shown = { name: POLICY, vhost: '/', ...given }
    expect(await api.get(path)).toMatchObject({ status: 200, body: shown })
    expect((await api.get('policies/%2F')).body).toContainEqual(shown)
    expect((await api.get('policies')).body).toContainEqual(shown)
    expect((await api.get('definitions')).body.policies).toContainEqual(shown)
    await vi.waitFor(async () => {
      expect((await api.get(`queues/%2F/${queue}`)).body).toMatchObject({
        policy: POLICY,
        effective_policy_definition: { 'max-length': 5 },
      })
    }, shownWithin)
    expect(await api.delete(path)).toMatchObject({ status: 204 })
    expect(await api.delete(path)).toMatchObject({ status: 404 })
    expect(await api.get(path)).toMatchObject({ status: 404 })
    await vi.waitFor(async () => {
      expect((await api.get(`queues/%2F/${queue}`)).body).toMatchObject({
        policy: null,
        effective_policy_definition: {},
      })
    }, shownWithin)
  })

  test('definitions bring policies in', async () => {
    const { api } = peer()
    const imported = {
      name: POLICY,
      vhost: '/',
      pattern: '^nothing',
      definition: { expires: 9 },
      priority: 0,
      'apply-to': 'all',
    }
    expect(await api.post('definitions', { policies: [imported] })).toMatchObject({ status: 204 })
    expect((await api.get(path)).body).toEqual(imported)
  })

  test.each([
    ['a pattern that is none', { pattern: '(', definition: { 'max-length': 1 } }],
    ['no definition', { pattern: '^x' }],
    ['an empty definition', { pattern: '^x', definition: {} }],
    ['an unknown setting', { pattern: '^x', definition: { colour: 'red' } }],
    ['a setting that cannot be', { pattern: '^x', definition: { 'max-length': 'long' } }],
    ['an unknown kind', { pattern: '^x', definition: { 'max-length': 1 }, 'apply-to': 'people' }],
  ])('PUT refuses %s', async (_, given) => {
    expect(await peer().api.put('policies/%2F/refused', given)).toMatchObject({
      status: 400,
      body: { error: 'bad_request' },
    })
  })
})
