import { expect, test } from 'vitest'
import { MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import { engineFacts } from './facts.ts'
import { queueOptions } from './queue-arguments.ts'
import { serverVersion } from './server-version.ts'

const rabbitmq = (version: string) => serverVersion({ product: 'RabbitMQ', version })
const waybill = serverVersion({ product: 'RabbitMQ', version: '3.13.7', waybill: '0.1.0' })
const durable = { name: 'q', life: 'durable' } as const

test('queueOptions() makes durable queues quorum queues where there are any, with a delivery limit out of reach', () => {
  expect(queueOptions(durable, rabbitmq('3.7.28')).arguments).toEqual({ 'x-queue-type': 'classic' })
  expect(queueOptions(durable, rabbitmq('3.10.8')).arguments).toEqual({
    'x-queue-type': 'quorum',
    'x-delivery-limit': 1e9,
  })
  expect(queueOptions(durable, rabbitmq('4.1.0')).arguments).toEqual({
    'x-queue-type': 'quorum',
    'x-delivery-limit': 1e9,
  })
  expect(queueOptions(durable, waybill).arguments).toEqual({ 'x-queue-type': 'quorum', 'x-delivery-limit': 1e9 })
  expect(queueOptions(durable, serverVersion({ product: 'LavinMQ', version: '2.1.0' })).arguments).toEqual({
    'x-queue-type': 'classic',
  })
})

test('queueOptions() declares no queue that newer brokers refuse: non-durable ones are exclusive', () => {
  const shared = queueOptions({ name: 'q', life: 'shared-transient' }, rabbitmq('4.1.0'))
  expect(shared).toMatchObject({ durable: true, autoDelete: true, arguments: { 'x-expires': 60_000 } })
  expect(queueOptions({ name: 'q', life: 'exclusive' }, rabbitmq('4.1.0'))).toMatchObject({ exclusive: true })
})

test('queueOptions() refuses publishers at the greatest length', () => {
  expect(queueOptions({ ...durable, maxLength: 5, singleActiveConsumer: true }, rabbitmq('3.10.8')).arguments).toEqual({
    'x-queue-type': 'quorum',
    'x-delivery-limit': 1e9,
    'x-single-active-consumer': true,
    'x-max-length': 5,
    'x-overflow': 'reject-publish',
  })
})

test('engineFacts() refuses delays before RabbitMQ 3.10, and says where each limit comes from', () => {
  expect(engineFacts(rabbitmq('3.9.13')).capabilities).toMatchObject({
    delayedRetry: 'refused',
    delayedSend: 'refused',
  })
  const { capabilities, limits, engine, version } = engineFacts(rabbitmq('4.1.0'))
  expect({ engine, version, delay: capabilities.delayedRetry }).toEqual({
    engine: 'rabbitmq',
    version: '4.1.0',
    delay: 'supplied',
  })
  expect(limits.maxMessageBytes).toEqual({ value: 16 * 1024 * 1024, source: 'assumed' })
  expect(engineFacts(rabbitmq('3.10.8')).limits.maxMessageBytes.value).toBe(128 * 1024 * 1024)
})

test("engineFacts() of Waybill's own broker: it delays and counts deliveries by itself", () => {
  const { capabilities, limits, engine, version } = engineFacts(waybill)
  expect({ engine, version }).toEqual({ engine: 'waybill', version: '0.1.0' })
  expect(capabilities).toMatchObject({ delayedRetry: 'native', delayedSend: 'native', deliveryCount: 'native' })
  expect(limits).toEqual({
    maxMessageBytes: { value: 128 * 1024 * 1024, source: 'assumed' },
    maxDelayMs: { value: MAX_DELAY_MS, source: 'assumed' },
  })
})
