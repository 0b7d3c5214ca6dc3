import { expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { TransactionQueue } from './transaction-queue.ts'

test('who waits too long gets an error, and is passed by', async () => {
  const runtime = virtualRuntime()
  const queue = new TransactionQueue(runtime, 1_000)
  const first = await queue.acquire()
  const second = queue.acquire().catch((error: unknown) => error)
  await runtime.advance(600)
  const third = queue.acquire()
  await runtime.advance(600)
  expect(await second).toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
  first()
  first()
  const release = await third
  release()
  expect(await queue.acquire()).toBeTypeOf('function')
})

test('more than 10,000 do not wait', async () => {
  const queue = new TransactionQueue(virtualRuntime(), 1_000)
  const first = await queue.acquire()
  const waiting = Array.from({ length: 10_000 }, () => queue.acquire())
  await expect(queue.acquire()).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_BACKPRESSURE'))
  first()
  for (const each of waiting) (await each)()
  expect(await queue.acquire()).toBeTypeOf('function')
})
