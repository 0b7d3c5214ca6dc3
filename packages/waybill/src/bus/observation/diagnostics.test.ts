import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { contract, event, query, type } from '../../contract/contract.ts'
import type { Logger } from './logger.ts'
import { testBus } from '../../testing/test-bus.ts'
import { DIAGNOSTIC_CHANNELS, type HandleEnded, type SendEnded } from './diagnostics.ts'
import { service } from '../service/service.ts'

const shop = contract('shop-observed', {
  paid: event(type<{ card: string }>()),
  price: query(type<{ card: string }>(), type<{ card: string }>()),
})

async function observed<T>(body: () => Promise<T>): Promise<{ starts: string[]; ends: string[]; actions: string[] }> {
  const { sendStart, sendEnd, handleStart, handleEnd } = DIAGNOSTIC_CHANNELS
  const seen = { starts: [] as string[], ends: [] as string[], actions: [] as string[] }
  const onStart = (published: unknown, name: string | symbol): void => {
    const { message } = published as SendEnded
    seen.starts.push(`${String(name).split(':')[1]} ${message.id}`)
  }
  const onEnd = (published: unknown, name: string | symbol): void => {
    const { message, error, action } = published as HandleEnded
    seen.ends.push(`${String(name).split(':')[1]} ${message.id}`)
    seen.actions.push(
      `${action ?? 'send'} ${(error as { code?: string } | undefined)?.code ?? error?.message ?? 'well'}`,
    )
  }
  const all = [
    [sendStart, onStart],
    [handleStart, onStart],
    [sendEnd, onEnd],
    [handleEnd, onEnd],
  ] as const
  for (const [name, listener] of all) subscribe(name, listener)
  try {
    await body()
  } finally {
    for (const [name, listener] of all) unsubscribe(name, listener)
  }
  return seen
}

test('every send and every handling has a start and an end, refused and failed ones too; the log has no body', async () => {
  const lines: string[] = []
  const write = (fields: object, message: string): void => void lines.push(message + JSON.stringify(fields))
  const logger: Logger = { debug: write, info: write, warn: write, error: write }
  const aborted = AbortSignal.abort()
  const seen = await observed(async () => {
    const bus = await testBus({
      rethrow: false,
      logger,
      warnBodyBytes: 5,
      services: [
        service('a')
          .on(
            shop.paid,
            () => {
              throw new Error('no')
            },
            { retry: { attempts: 2 } },
          )
          .answer(shop.price, (body) => body),
      ],
    })
    await bus.publish(shop.paid, { card: '4111' })
    await bus.settle()
    await bus.request(shop.price, { card: '4111' })
    await expect(bus.publish(shop.paid, { card: '4111' }, { signal: aborted })).rejects.toThrow('WAYBILL_ABORTED')
    await bus.drain()
    await expect(bus.publish(shop.paid, { card: '4111' })).rejects.toThrow('WAYBILL_CLOSED')
  })
  expect(seen.starts.toSorted()).toEqual(seen.ends.toSorted())
  expect(seen.actions.toSorted()).toEqual([
    'ack well',
    'reject no',
    'retry no',
    'send WAYBILL_ABORTED',
    'send WAYBILL_CLOSED',
    'send well',
    'send well',
    'send well',
  ])
  expect(lines.length).toBeGreaterThan(3)
  expect(lines.join('\n')).not.toContain('4111')
})
