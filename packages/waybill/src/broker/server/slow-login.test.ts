import { beforeEach, expect, test } from 'vitest'
import { WaybillError } from '../../message/errors.ts'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { ownIdentity, type Identity } from '../access/identity.ts'
import { Broker } from '../broker.ts'
import { HEADER } from './differential/wire-client.test-support.ts'
import { SessionClient } from './session-client.test-support.ts'

let runtime: VirtualRuntime
let client: SessionClient
let answer: PromiseWithResolvers<Identity | undefined>

beforeEach(async () => {
  runtime = virtualRuntime()
  answer = Promise.withResolvers()
  client = new SessionClient(await Broker.open({ runtime }), runtime, { authenticate: () => answer.promise })
  client.write(HEADER)
  client.logIn()
  expect(client.names()).toEqual(['connection.start'])
})

test('what comes while it is not known who the client is waits, and nothing is read', async () => {
  client.say(0, 'connection.tune-ok', { 'channel-max': 5, 'frame-max': 4_096 })
  client.say(0, 'connection.open', { 'virtual-host': '/' })
  expect([client.names(), client.isSuspended]).toEqual([[], true])
  answer.resolve(ownIdentity('guest', 'all'))
  await runtime.settle()
  expect([client.names(), client.isSuspended]).toEqual([['connection.tune', 'connection.open-ok'], false])
  expect(client.session.user).toBe('guest')
})

test('a client that is refused is told so', async () => {
  answer.resolve(undefined)
  await runtime.settle()
  expect(client.names()).toEqual(['connection.close 403'])
})

test('a client that comes when too many do is asked to come later', async () => {
  answer.reject(new WaybillError('WAYBILL_BACKPRESSURE', 'too many logins'))
  await runtime.settle()
  expect([client.names(), client.troubles]).toEqual([['connection.close 320'], []])
})

test('an error while it is found out is trouble, and ends this connection', async () => {
  const error = new Error('a fault')
  answer.reject(error)
  await runtime.settle()
  expect([client.names(), client.troubles]).toEqual([['connection.close 541'], [error]])
})

test('a client that has left meanwhile hears nothing', async () => {
  client.session.ended()
  answer.resolve(ownIdentity('guest', 'all'))
  await runtime.settle()
  expect([client.names(), client.session.entered]).toEqual([[], undefined])
})

test('a second start-ok meanwhile is out of turn', async () => {
  client.logIn()
  answer.resolve(ownIdentity('guest', 'all'))
  await runtime.settle()
  expect(client.names()).toEqual(['connection.tune', 'connection.close 503'])
})
