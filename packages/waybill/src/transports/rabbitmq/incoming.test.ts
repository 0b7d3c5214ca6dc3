import type { ConsumeMessage } from 'amqplib'
import { expect, test } from 'vitest'
import { toDelivery } from './incoming.ts'

const delivered = (redelivered: boolean, headers: Readonly<Record<string, unknown>>) => {
  const fields = { deliveryTag: 1, redelivered, routingKey: 'q', exchange: '', consumerTag: 'c' }
  const message = { fields, properties: { headers }, content: Buffer.alloc(0) } as unknown as ConsumeMessage
  const { redelivered: again, deliveryCount } = toDelivery(message)
  return [again, deliveryCount]
}

test('toDelivery() counts by the header of a quorum queue, and knows no count of a classic one', () => {
  expect(delivered(false, {})).toEqual([false, 1])
  expect(delivered(true, { 'x-delivery-count': 2 })).toEqual([true, 3])
  expect(delivered(true, {})).toEqual([true, undefined])
})

test('toDelivery() counts what was handed out and taken back without a failure, where the broker tells that', () => {
  expect(delivered(true, { 'x-delivery-count': 1, 'x-acquired-count': 3 })).toEqual([true, 4])
  expect(delivered(false, { 'x-acquired-count': 1 })).toEqual([true, 2])
})
