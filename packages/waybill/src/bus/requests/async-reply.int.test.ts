// Request / asynchronous response: the reply finds its service even when the requester was down while it came.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { contract, query, type } from '../../contract/contract.ts'
import { deleteEntities, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { embedded } from '../../transports/embedded/embedded.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service, type AsyncReply } from '../service/service.ts'

const name = uniqueName('later')
const dir = mkdtempSync(join(tmpdir(), 'waybill-later-'))
const questions = contract(name, { ask: query(type<{ n: number }>(), type<{ n: number }>()) })
const quiet = { logger: silentLogger, drainOn: [] } as const

afterAll(async () => {
  rmSync(dir, { recursive: true, force: true })
  if (RABBITMQ_URL !== '')
    await deleteEntities({
      queues: [`${name}:replies`, `${name}:${name}:dead`, `${name}.ask:answerer:dead`],
      exchanges: [`${name}.ask:owner`],
    })
})

const engines = [
  ['embedded', embedded({ dir, inProcess: true })] as const,
  ...(RABBITMQ_URL === '' ? [] : [['rabbitmq', rabbitmq({ url: RABBITMQ_URL })] as const]),
]

test.each(engines)('%s: the reply waits for the requester to come back', async (_, transport) => {
  const replies: (AsyncReply<{ n: number }> & { request: string | undefined })[] = []
  const asker = service(name).onReply(
    questions.ask,
    (reply, ctx) => void replies.push({ ...reply, request: ctx.causationId }),
  )
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => (go = resolve))
  const answerer = service('answerer').answer(
    questions.ask,
    async ({ n }) => {
      await gate
      if (n === 13) throw new Error('unlucky')
      return { n: n + 1 }
    },
    { retry: { attempts: 2, immediate: 1 } },
  )

  await using answering = await createBus({ ...quiet, transport, services: [answerer] })
  const first = await createBus({ ...quiet, transport, services: [asker] })
  const good = await first.requestAsync(questions.ask, { n: 1 })
  const bad = await first.requestAsync(questions.ask, { n: 13 })
  await first.drain()
  go()
  await expect.poll(() => answering.subscriptions[0]?.handled).toBe(3) // the failing one twice
  expect(replies).toEqual([])
  await using second = await createBus({ ...quiet, transport, services: [asker] })
  await expect.poll(() => replies.length).toBe(2)
  expect(replies.find(({ request }) => request === good.id)).toMatchObject({ ok: true, value: { n: 2 } })
  expect(replies.find(({ request }) => request === bad.id)).toMatchObject({
    ok: false,
    error: { code: 'WAYBILL_REMOTE_FAILED', remote: { message: 'unlucky' } },
  })
  expect(second.subscriptions[0]?.state).toBe('consuming')
})
