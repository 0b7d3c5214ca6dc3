// What a user meets on the first day: each mistake gives one clear error with a stable code.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { command, contract, event, type } from '../../contract/contract.ts'
import { embedded } from '../../transports/embedded/embedded.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import {
  deleteEntities,
  describeRabbitmq,
  NO_RABBITMQ,
  RABBITMQ_URL,
  uniqueName,
} from '../../testing/rabbitmq-url.test-support.ts'
import { resolveTransport } from '../settings/resolve-transport.ts'
import { service } from '../service/service.ts'

const unique = uniqueName('t')
const folders: string[] = []
afterAll(async () => {
  folders.forEach((made) => rmSync(made, { recursive: true, force: true, maxRetries: 5 }))
  if (RABBITMQ_URL === '') return
  const claimed = `${unique}-rabbitmq-claimed.go`
  await deleteEntities({ queues: [claimed, `${claimed}:first:dead`], exchanges: [`${claimed}:owner`, unique] })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'waybill-test-'))
  folders.push(made)
  return made
}

const quiet = { logger: silentLogger, drainOn: [] } as const
const body = z.object({ id: z.string() })
const orders = contract(unique, { place: command(body), placed: event(body) })
const nothing = (): void => {}

const transports: readonly (readonly [string, () => TransportFactory, missing: string | undefined])[] = [
  ['embedded', () => embedded({ dir: folder(), inProcess: true }), undefined],
  ['shared', () => embedded({ dir: folder(), idleTimeout: '1s' }), undefined],
  ['rabbitmq', () => rabbitmq({ url: RABBITMQ_URL }), NO_RABBITMQ],
]

test('a bad URL is refused at once', async () => {
  const resolving = resolveTransport({ url: 'gopher://somewhere', mode: undefined, cwd: '/' })
  await expect(resolving).rejects.toMatchObject({
    code: 'WAYBILL_BAD_URL',
    message: expect.stringContaining('gopher') as string,
  })
  expect(() => rabbitmq({ url: 'amqp://host:notaport' })).toThrow('WAYBILL_BAD_URL')
})

test('resolveTransport() shows no part of a password, however it is written', async () => {
  for (const password of ['secret', 'se@cret', 'se%40cret', 'se%2fcret']) {
    const url = `amqp://guest:${password}@one:5672/vhost, amqps://guest:${password}@two`
    const { shown } = await resolveTransport({ url, mode: undefined, cwd: '/' })
    expect(shown).toBe('amqp://***@one:5672/vhost, amqps://***@two')
  }
  const resolving = resolveTransport({ url: 'amqp://guest:se/cret@one:5672/vhost', mode: undefined, cwd: '/' })
  const error: unknown = await resolving.catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'WAYBILL_BAD_URL' })
  expect(String(error)).not.toContain('cret')
})

test('createBus() without a transport is refused in production', async () => {
  const resolving = resolveTransport({ url: undefined, mode: 'production', cwd: folder() })
  await expect(resolving).rejects.toMatchObject({ code: 'WAYBILL_NO_DEFAULT_FOLDER' })
})

test('createBus() on a broker that is down says so, without the password', async () => {
  const starting = createBus({ ...quiet, transport: rabbitmq({ url: 'amqp://guest:secret-word@127.0.0.1:9' }) })
  const error: unknown = await starting.catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED', scope: 'connection' })
  expect(String(error)).toContain('127.0.0.1:9')
  expect(String(error)).not.toContain('secret-word')
})

describeRabbitmq('createBus()', () => {
  test('with wrong credentials says so, without the password', async () => {
    const url = new URL(RABBITMQ_URL)
    url.password = 'wrong-word'
    const error: unknown = await createBus({ ...quiet, transport: rabbitmq({ url: url.href }) }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED', scope: 'configuration' })
    expect(String(error)).not.toContain('wrong-word')
  })
})

test('createBus() on a folder that is open already says so', async () => {
  const dir = folder()
  await using first = await createBus({ ...quiet, transport: embedded({ dir, inProcess: true }) })
  await expect(createBus({ ...quiet, transport: embedded({ dir, inProcess: true }) })).rejects.toMatchObject({
    code: 'WAYBILL_STORE_IN_USE',
  })
  expect(first.facts.engine).toBe('embedded')
})

for (const [name, transport, missing] of transports) {
  describeNeeding(missing)(name, () => {
    test(`a body that breaks its schema is refused at the sender`, async () => {
      await using bus = await createBus({ ...quiet, transport: transport() })
      const wrong = { id: 1 } as unknown as { id: string } // what a caller without types may do
      await expect(bus.publish(orders.placed, wrong)).rejects.toMatchObject({
        code: 'WAYBILL_INVALID_MESSAGE',
        message: expect.stringContaining('id') as string,
      })
    })

    test(`a command that nobody has claimed is refused`, async () => {
      const lonely = contract(`${unique}-${name}-lonely`, { go: command(body) })
      await using bus = await createBus({ ...quiet, transport: transport() })
      await expect(bus.send(lonely.go, { id: '1' })).rejects.toMatchObject({
        code: 'WAYBILL_UNROUTABLE',
        message: expect.stringContaining('lonely.go') as string,
      })
    })

    test(`two services that claim one command are refused, over buses too`, async () => {
      const claimed = contract(`${unique}-${name}-claimed`, { go: command(type<unknown>()) })
      const shared = transport()
      await using first = await createBus({
        ...quiet,
        transport: shared,
        services: [service('first').on(claimed.go, nothing)],
      })
      const second = createBus({ ...quiet, transport: shared, services: [service('second').on(claimed.go, nothing)] })
      await expect(second).rejects.toMatchObject({
        code: 'WAYBILL_COMMAND_CLAIMED',
        message: expect.stringContaining('claimed.go') as string,
      })
      await using again = await createBus({
        ...quiet,
        transport: shared,
        services: [service('first').on(claimed.go, nothing)],
      })
      expect([first, again].every((bus) => bus.subscriptions[0]?.state === 'consuming')).toBe(true)
    })

    test(`order without shards is refused`, async () => {
      const ordered = service('a').on(orders.placed, nothing, { ordered: true })
      await expect(createBus({ ...quiet, transport: transport(), services: [ordered] })).rejects.toMatchObject({
        code: 'WAYBILL_ORDER_NEEDS_SHARDS',
      })
    })
  })
}
