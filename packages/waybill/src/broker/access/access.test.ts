import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { Broker, BrokerEvent } from '../broker.ts'
import { openBroker } from '../open-broker.ts'
import type { Guard } from './guard.ts'
import { hashPassword, quickHash } from './password-hash.ts'

let dir: string
let broker: Broker

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-access-'))
  broker = await openBroker({ dir, runtime: systemRuntime() })
})

afterEach(async () => {
  await broker.close()
  await rm(dir, { recursive: true })
})

async function restart(): Promise<void> {
  await broker.close()
  broker = await openBroker({ dir, runtime: systemRuntime() })
}

const LOCAL = '127.0.0.1'

const login = async (user: string, password: string, remoteAddress = LOCAL): Promise<string | undefined> =>
  (await broker.access.authenticate({ user, by: { password }, remoteAddress }))?.user

async function guardOf(user: string, virtualHost: string): Promise<Guard> {
  const identity = await broker.access.authenticate({ user, by: 'certificate', remoteAddress: LOCAL })
  const guard = identity?.guard(virtualHost)
  if (guard === undefined) throw new Error(`${user} has no access to '${virtualHost}'`)
  return guard
}

const allows = (act: () => void): boolean => {
  try {
    act()
    return true
  } catch (error) {
    expect(error).toMatchObject({ replyCode: 403 })
    return false
  }
}

describe('authenticate()', () => {
  test('lets guest in with the password that everybody knows, from this machine alone', async () => {
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(await login('guest', 'guest', address)).toBe('guest')
    }
    expect(await login('guest', 'guest', '192.168.1.7')).toBeUndefined()
    expect(await login('guest', 'other')).toBeUndefined()
    expect(allows(() => void guardOf('guest', '/'))).toBe(true)
  })

  test('lets users in by their passwords, whichever way they are hashed, again and again', async () => {
    const { users } = broker.access
    users.set({ name: 'slow', tags: [], password: await hashPassword('one') })
    users.set({ name: 'rabbit', tags: [], password: quickHash('one') })
    users.set({ name: 'certified', tags: [] })
    for (const name of ['slow', 'rabbit']) {
      const all = await Promise.all(['one', 'two', 'one', 'one'].map((password) => login(name, password, '10.0.0.1')))
      expect(all).toEqual([name, undefined, name, name])
      expect(await login(name, 'two')).toBeUndefined()
    }
    expect(await login('certified', '')).toBeUndefined()
    expect(await login('nobody', 'one')).toBeUndefined()
    // The password that was right is so no more.
    users.set({ name: 'slow', tags: [], password: await hashPassword('two') })
    expect([await login('slow', 'one'), await login('slow', 'two')]).toEqual([undefined, 'slow'])
    users.delete('slow')
    expect(await login('slow', 'two')).toBeUndefined()
  })

  test('does not ask a slow hash twice for one password, and refuses more than can wait', async () => {
    broker.access.users.set({ name: 'slow', tags: [], password: await hashPassword('one') })
    expect(await login('slow', 'one')).toBe('slow')
    const many = Array.from({ length: 1_000 }, () => login('slow', 'one'))
    expect(new Set(await Promise.all(many))).toEqual(new Set(['slow']))
    // Where too many wait, nobody is told that a password is wrong; one that is known comes in.
    broker.access.users.set({ name: 'quick', tags: [], password: quickHash('one') })
    const guesses = Array.from({ length: 128 }, (_, n) => login('quick', `guess ${n}`))
    const tooMany = expect(login('quick', 'one')).rejects.toMatchObject({ code: 'WAYBILL_BACKPRESSURE' })
    expect(await login('slow', 'one')).toBe('slow')
    await tooMany
    expect(new Set(await Promise.all(guesses))).toEqual(new Set([undefined]))
    expect(await login('quick', 'one')).toBe('quick')
  })

  test('lets in whom a certificate names, if that is a user', async () => {
    const by = 'certificate'
    broker.access.users.set({ name: 'certified', tags: ['monitoring'] })
    const identity = await broker.access.authenticate({ user: 'certified', by, remoteAddress: '10.0.0.1' })
    expect(identity).toMatchObject({ user: 'certified', tags: ['monitoring'] })
    expect(await broker.access.authenticate({ user: 'none', by, remoteAddress: LOCAL })).toBeUndefined()
    expect(await broker.access.authenticate({ user: 'guest', by, remoteAddress: '10.0.0.1' })).toBeUndefined()
  })
})

describe('permissions', () => {
  test('are patterns, for each user and virtual host; none is no access, an empty one allows nothing', async () => {
    const { users, permissions } = broker.access
    users.set({ name: 'u', tags: [] })
    expect(await guardOf('u', '/').catch((error: Error) => error.message)).toMatch(/no access/)
    permissions.set({ virtualHost: '/', user: 'u', configure: '', write: '^(a|amq\\.default)$', read: 'b' })
    const guard = await guardOf('u', '/')
    expect(allows(() => guard.require('configure', 'queue', 'a'))).toBe(false)
    expect(allows(() => guard.require('write', 'queue', 'a'))).toBe(true)
    expect(allows(() => guard.require('write', 'exchange', ''))).toBe(true)
    expect(allows(() => guard.require('write', 'exchange', 'b'))).toBe(false)
    expect(allows(() => guard.require('read', 'queue', 'abc'))).toBe(true)
    expect(() => guard.require('write', 'queue', 'b')).toThrow(
      "write access to queue 'b' in vhost '/' refused for user 'u'",
    )
    expect(() => guard.require('read', 'exchange', '')).toThrow(/read access to exchange 'amq.default' in vhost '\/'/)
  })

  test('that change hold from then on', async () => {
    const { users, permissions } = broker.access
    users.set({ name: 'u', tags: [] })
    permissions.set({ virtualHost: '/', user: 'u', configure: '', write: '', read: '.*' })
    const guard = await guardOf('u', '/')
    const { version } = guard
    expect(allows(() => guard.require('read', 'queue', 'q'))).toBe(true)
    permissions.set({ virtualHost: '/', user: 'u', configure: '', write: 'q', read: '' })
    expect(guard.version).not.toBe(version)
    expect(allows(() => guard.require('read', 'queue', 'q'))).toBe(false)
    expect(allows(() => guard.require('write', 'queue', 'q'))).toBe(true)
    permissions.delete('/', 'u')
    expect(allows(() => guard.require('write', 'queue', 'q'))).toBe(false)
  })

  test('of topics are for one exchange, and have the names of user and virtual host in them', async () => {
    const { users, permissions } = broker.access
    const [virtualHost, user] = ['a+b', 'u.v']
    broker.virtualHosts.create(virtualHost)
    users.set({ name: user, tags: [] })
    permissions.set({ virtualHost, user, configure: '', write: '.*', read: '.*' })
    permissions.setTopics({ virtualHost, user, exchange: 'x', write: '^{username}\\.{vhost}\\.', read: '' })
    const guard = await guardOf(user, virtualHost)
    expect(allows(() => guard.requireTopic('write', 'x', 'u.v.a+b.k'))).toBe(true)
    expect(allows(() => guard.requireTopic('write', 'x', 'u-v.a+b.k'))).toBe(false)
    expect(allows(() => guard.requireTopic('write', 'y', 'anything'))).toBe(true)
    expect(() => guard.requireTopic('read', 'x', 'k')).toThrow(
      "read access to topic 'k' in exchange 'x' in vhost 'a+b' refused for user 'u.v'",
    )
    permissions.deleteTopics(virtualHost, user, undefined)
    expect(allows(() => guard.requireTopic('read', 'x', 'k'))).toBe(true)
  })

  test('that are no patterns are refused, and nothing changes', () => {
    const { permissions } = broker.access
    const bad = { virtualHost: '/', user: 'guest', configure: '.*', write: '(', read: '.*' }
    expect(() => permissions.set(bad)).toThrow(/WAYBILL_INVALID_DEFINITION/)
    expect(() => permissions.setTopics({ ...bad, exchange: 'x' })).toThrow(/WAYBILL_INVALID_DEFINITION/)
    expect(permissions.get('/', 'guest')?.write).toBe('.*')
    expect(permissions.allTopics()).toEqual([])
  })
})

describe('after a restart', () => {
  test('users, permissions and their absence are as before', async () => {
    const { users, permissions } = broker.access
    broker.virtualHosts.create('v')
    users.set({ name: 'u', tags: ['management'], password: quickHash('one') })
    for (const virtualHost of ['/', 'v']) {
      permissions.set({ virtualHost, user: 'u', configure: 'c', write: 'w', read: 'r' })
      permissions.setTopics({ virtualHost, user: 'u', exchange: 'x', write: 'w', read: 'r' })
    }
    users.set({ name: 'gone', tags: [] })
    permissions.set({ virtualHost: '/', user: 'gone', configure: '', write: '', read: '' })
    const before = [permissions.get('v', 'u'), permissions.topics('v', 'u', 'x')]
    const events: BrokerEvent[] = []
    broker.onEvent((event) => events.push(event))
    users.delete('gone')
    users.delete('guest')
    expect(events).toEqual([
      { type: 'user-deleted', user: 'gone' },
      { type: 'user-deleted', user: 'guest' },
    ])
    await restart()
    const again = broker.access
    expect(again.users.all().map(({ name, tags }) => [name, tags])).toEqual([['u', ['management']]])
    expect([again.permissions.get('v', 'u'), again.permissions.topics('v', 'u', 'x')]).toEqual(before)
    expect(again.permissions.all().map(({ virtualHost, user }) => [virtualHost, user])).toEqual([
      ['/', 'u'],
      ['v', 'u'],
    ])
    expect([await login('u', 'one'), await login('guest', 'guest')]).toEqual(['u', undefined])
    // What was given in a virtual host goes with it.
    broker.virtualHosts.delete('v')
    await restart()
    expect(broker.access.permissions.all().map(({ virtualHost }) => virtualHost)).toEqual(['/'])
    expect(broker.access.permissions.allTopics().map(({ virtualHost }) => virtualHost)).toEqual(['/'])
  })
})

test('users have names of 1 to 255 bytes', () => {
  for (const name of ['', 'x'.repeat(256)]) {
    expect(() => broker.access.users.set({ name, tags: [] })).toThrow(/WAYBILL_INVALID_DEFINITION/)
  }
})
