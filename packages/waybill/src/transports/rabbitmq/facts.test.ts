import { expect, test } from 'vitest'
import type { RouteFacts } from '../../transport/engine-facts.ts'
import { routeFacts, type RouteSettings } from './facts.ts'
import { settingsOf } from './rabbitmq.ts'
import { serverVersion } from './server-version.ts'

const rabbit = (version: string) => serverVersion({ product: 'RabbitMQ', version })
const waybill = serverVersion({ product: 'RabbitMQ', version: '3.13.0', waybill: '0.1.0' })
const limits = (version: string, settings: RouteSettings = {}): RouteFacts['limits'] =>
  routeFacts(rabbit(version), 'durable', settings).limits

test('routeFacts() assumes the consumer time-out, unless it was told', () => {
  expect(limits('3.10.8').settleWithinMs).toEqual({ value: 1_800_000, source: 'assumed' })
  expect(limits('3.8.0').settleWithinMs).toEqual({ value: Infinity, source: 'assumed' })
  expect(routeFacts(waybill, 'durable').limits.settleWithinMs).toEqual({ value: Infinity, source: 'assumed' })
  const told = (consumerTimeout: '2h' | 'none'): RouteFacts['limits']['settleWithinMs'] => {
    const { consumerTimeoutMs } = settingsOf({ url: 'amqp://localhost', consumerTimeout })
    return limits('3.10.8', { consumerTimeoutMs }).settleWithinMs
  }
  expect([told('2h'), told('none')]).toEqual([
    { value: 7_200_000, source: 'told' },
    { value: Infinity, source: 'told' },
  ])
})

test('rabbitmq() refuses a consumer time-out that is no duration', () => {
  expect(() => settingsOf({ url: 'amqp://localhost', consumerTimeout: 'soon' as never })).toThrow(TypeError)
})

test('routeFacts() knows the delivery limit of queues of its own, and assumes that of foreign ones', () => {
  expect(limits('4.0.0').deliveryLimit).toEqual({ value: 1_000_000_000, source: 'told' })
  expect(limits('3.7.0').deliveryLimit).toEqual({ value: Infinity, source: 'told' })
  expect(limits('4.0.0', { isForeign: true }).deliveryLimit).toEqual({ value: 21, source: 'assumed' })
  expect(limits('3.10.8', { isForeign: true }).deliveryLimit).toEqual({ value: Infinity, source: 'assumed' })
})

test('routeFacts() says when a member that vanished is missed: three heartbeats later, without them never', () => {
  const within = (heartbeatSeconds?: number) => limits('3.10.8', { heartbeatSeconds }).redeliveredWithinMs
  expect([within(), within(3), within(0)]).toEqual([
    { value: 30_000, source: 'told' },
    { value: 9_000, source: 'told' },
    { value: Infinity, source: 'told' },
  ])
})

test('routeFacts() has what a confirm means from the broker that is ours, and assumes it of others', () => {
  expect(routeFacts(waybill, 'durable').durability).toMatchObject({ accepted: 'synced', source: 'read' })
  expect(routeFacts(rabbit('3.10.8'), 'durable').durability).toMatchObject({ accepted: 'synced', source: 'assumed' })
  expect(routeFacts(waybill, 'shared-transient').durability).toMatchObject({ accepted: 'memory' })
})
