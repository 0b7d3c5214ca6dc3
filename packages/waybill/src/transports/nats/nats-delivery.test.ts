import { expect, test } from 'vitest'
import { deliveryInfo } from './nats-delivery.ts'

test.each([
  ['2.9', '$JS.ACK.waybill-orders.shipping.3.77.12.1795282235630141731.7'],
  ['with a domain', '$JS.ACK.hub.AbCdEf.waybill-orders.shipping.3.77.12.1795282235630141731.7'],
  ['with a domain and a token', '$JS.ACK._.AbCdEf.waybill-orders.shipping.3.77.12.1795282235630141731.7.x1'],
])('deliveryInfo() reads where a message is settled: %s', (_, reply) => {
  expect(deliveryInfo(reply)).toEqual({ deliveryCount: 3, streamSequence: 77 })
})
