import { expect, test } from 'vitest'
import { wireMessage } from '../message/build-message.ts'
import { Deadlines } from '../runtime/deadlines.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import type { Handle, Handling } from './handler.ts'
import { timeout } from './timeout.ts'

function limited(next: Handle) {
  const runtime = virtualRuntime()
  const told: string[] = []
  const handle = timeout(1_000, new Deadlines(runtime), (_, error) => void told.push(error.code))(next)
  const abort = new AbortController()
  const fields = { source: 's', type: 't', kind: 'event', contentType: '', body: new Uint8Array() } as const
  const handling: Handling = {
    message: wireMessage(fields, runtime),
    body: undefined,
    attempt: 1,
    service: 's',
    group: 'g',
    signal: abort.signal,
    abort: (reason) => abort.abort(reason),
  }
  return { runtime, told, handling, run: async () => await handle(handling) }
}

test('timeout() passes a handler in time on, and leaves no timer', async () => {
  const { runtime, told, run } = limited(() => 7)
  expect(await run()).toBe(7)
  await runtime.advance(1_000)
  expect([told, runtime.timers]).toEqual([[], []])
})

test('timeout() passes an error in time on, thrown at once too', async () => {
  const { runtime, told, run } = limited(() => {
    throw new RangeError('mine')
  })
  await expect(run()).rejects.toThrow(RangeError)
  await runtime.advance(1_000)
  expect(told).toEqual([])
})

test('timeout() aborts and tells once; a late result counts', async () => {
  let finish: (value: number) => void = () => {}
  const { runtime, told, handling, run } = limited(() => new Promise((resolve) => (finish = resolve)))
  const running = run()
  await runtime.advance(5_000)
  expect(told).toEqual(['WAYBILL_HANDLER_TIMEOUT'])
  expect(handling.signal.reason).toMatchObject({ code: 'WAYBILL_HANDLER_TIMEOUT' })
  finish(7)
  expect(await running).toBe(7)
})

test('timeout() is the error of a handler that throws late, with what it threw as the cause', async () => {
  let fail: (error: Error) => void = () => {}
  const { runtime, run } = limited(() => new Promise((_, reject) => (fail = reject)))
  const failed = expect(run()).rejects.toMatchObject({
    code: 'WAYBILL_HANDLER_TIMEOUT',
    cause: { message: 'connection reset' },
  })
  await runtime.advance(1_000)
  fail(new Error('connection reset'))
  await failed
})
