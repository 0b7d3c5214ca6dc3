import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { WaybillError } from '../../message/errors.ts'
import { createBus } from '../create-bus.ts'
import { DIAGNOSTIC_CHANNELS, type LinkChanged } from '../observation/diagnostics.ts'
import type { Logger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { stubTransport } from '../stub-transport.test-support.ts'

function recordingLogger(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = []
  const at =
    (level: string): Logger['warn'] =>
    (fields, message) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const logger = { debug: () => {}, info: () => {}, warn: at('warn'), error: at('error') }
  return { lines, logger }
}

test('why a link cannot be taken up is logged, and told to observers: being refused is an error', async () => {
  const { lines, logger } = recordingLogger()
  const seen: string[] = []
  const listener = (published: unknown): void => void seen.push((published as LinkChanged).event.type)
  subscribe(DIAGNOSTIC_CHANNELS.transport, listener)
  const stub = stubTransport()
  await using bus = await createBus({ transport: () => stub.transport, logger, drainOn: [] })
  stub.emit({ type: 'trouble', error: new WaybillError('WAYBILL_NOT_CONNECTED', 'nobody listens') })
  stub.emit({ type: 'trouble', error: new WaybillError('WAYBILL_ACCESS_REFUSED', 'wrong password') })
  unsubscribe(DIAGNOSTIC_CHANNELS.transport, listener)
  expect(lines).toEqual([
    expect.stringMatching(/^warn the link to the broker cannot be taken up yet.*"stub".*nobody listens/),
    expect.stringMatching(/^error the link to the broker cannot be taken up yet.*wrong password/),
  ])
  expect(seen).toEqual(['trouble', 'trouble'])
  await bus.drain()
})

test('a subscription that is lost by itself is logged, with the reason; a lost link has been told already', async () => {
  const { lines, logger } = recordingLogger()
  const stub = stubTransport()
  const orders = contract('orders', { placed: event(type<number>()) })
  const services = [service('shipping').on(orders.placed, () => {})]
  await using _ = await createBus({ transport: () => stub.transport, services, logger, drainOn: [] })
  lines.length = 0
  const error = new Error('the queue was deleted')
  stub.emit({ type: 'subscription-lost', channel: 'orders', group: 'shipping', error })
  stub.emit({ type: 'subscription-restored', channel: 'orders', group: 'shipping' })
  stub.emit({ type: 'disconnected', error: new Error('cut') })
  stub.emit({ type: 'subscription-lost', channel: 'orders', group: 'shipping', error: new Error('cut') })
  expect(lines).toEqual([
    expect.stringMatching(
      /^warn a subscription is lost while the link is up.*"orders".*"shipping".*the queue was deleted/,
    ),
    expect.stringMatching(/^warn the link to the broker is down.*cut/),
  ])
})

test('a gap of a subscription is logged: its handlers may have missed something', async () => {
  const { lines, logger } = recordingLogger()
  const stub = stubTransport()
  const prices = contract('prices', { ticked: event(type<number>(), { stored: false }) })
  const services = [service('board').on(prices.ticked, () => {})]
  await using _ = await createBus({ transport: () => stub.transport, services, logger, drainOn: [] })
  stub.emit({ type: 'gap', channel: 'prices', group: 'somebody else' })
  stub.emit({ type: 'gap', channel: 'prices', group: 'board.signals' })
  expect(lines).toEqual([
    'warn messages may have been missed: nothing is kept for this instance {"service":"board","channel":"prices"}',
  ])
})
