// `waybill broker export`: what it prints can be imported, into another folder as into a RabbitMQ.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashPassword, quickHash } from '../broker/access/password-hash.ts'
import type { Broker } from '../broker/broker.ts'
import { ApiClient } from '../broker/management/api-client.test-support.ts'
import { openBroker } from '../broker/open-broker.ts'
import { processLog } from '../broker/process/process-log.ts'
import { runBroker } from '../broker/process/run-broker.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { NO_RABBITMQ_MANAGEMENT, RABBITMQ_MANAGEMENT_URL } from '../testing/rabbitmq-management-url.test-support.ts'
import { exportFolder } from './export-command.ts'

const runtime = systemRuntime()
const home = mkdtempSync(join(tmpdir(), 'waybill-export-'))
const dir = join(home, 'data')
const HOST = `exported ${process.pid}`
const [HASHED, SCRYPTED] = [`hashed ${process.pid}`, `scrypted ${process.pid}`]

beforeAll(async () => {
  const broker = await openBroker({ dir, runtime })
  await declare(broker)
  await broker.close()
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

async function declare({ virtualHosts, access }: Broker): Promise<void> {
  const host = virtualHosts.create(HOST, { description: 'for tests' })
  const connection = host.connect()
  const flags = { durable: true, autoDelete: false, exclusive: false, arguments: {} }
  const declared = { 'x-max-length': 9 }
  host.declareQueue({ ...flags, name: 'kept', arguments: { maxLength: 9 }, declared }, connection)
  host.declareQueue({ ...flags, name: 'passing', durable: false }, connection)
  host.declareExchange({ name: 'source', type: 'topic', durable: true, autoDelete: false, internal: false }, connection)
  host.bind(connection, 'kept', 'source', 'a.#')
  access.users.set({ name: HASHED, tags: ['monitoring'], password: quickHash('secret') })
  access.users.set({ name: SCRYPTED, tags: [], password: await hashPassword('secret') })
  access.permissions.set({ virtualHost: HOST, user: HASHED, configure: '', write: '.*', read: '^k' })
}

interface Exported {
  readonly text: string
  readonly warnings: string
}

async function exported(): Promise<Exported> {
  const [text, warnings]: [string[], string[]] = [[], []]
  await exportFolder(
    dir,
    (line) => void text.push(line),
    (line) => void warnings.push(line),
  )
  return { text: text.join('\n'), warnings: warnings.join('\n') }
}

test('broker export prints what is declared, and warns of what RabbitMQ does not take as it is', async () => {
  const { text, warnings } = await exported()
  expect(JSON.parse(text)).toMatchObject({
    users: [
      { name: HASHED, tags: ['monitoring'], hashing_algorithm: 'rabbit_password_hashing_sha256' },
      { name: SCRYPTED, tags: [], password_hash: '' },
    ],
    vhosts: [{ name: '/' }, { name: HOST, description: 'for tests' }],
    permissions: [{ user: HASHED, vhost: HOST, configure: '', write: '.*', read: '^k' }],
    queues: [{ name: 'kept', vhost: HOST, durable: true, auto_delete: false, arguments: { 'x-max-length': 9 } }],
    exchanges: [{ name: 'source', vhost: HOST, type: 'topic', durable: true }],
    bindings: [{ source: 'source', destination: 'kept', destination_type: 'queue', routing_key: 'a.#' }],
  })
  expect(warnings).toBe(
    `warning: user ${SCRYPTED} has no password in RabbitMQ until you give one: rabbitmqctl change_password`,
  )
})

test('broker export asks the broker that has the folder open', async () => {
  const broker = await runBroker({ dir, runtime, log: processLog(dir, runtime), lockWaitMs: 0 })
  try {
    const { text, warnings } = await exported()
    expect(JSON.parse(text)).toMatchObject({ queues: [{ name: 'kept' }] })
    expect(warnings).toContain(SCRYPTED)
  } finally {
    await broker.end()
  }
  // It has given the folder back.
  expect(JSON.parse((await exported()).text)).toMatchObject({ queues: [{ name: 'kept' }] })
})

test('broker export: a missing folder is one clear error, and stays missing', async () => {
  await expect(exportFolder(join(home, 'nowhere'), console.log, console.error)).rejects.toMatchObject({
    code: 'WAYBILL_NOT_FOUND',
  })
})

describeNeeding(NO_RABBITMQ_MANAGEMENT)('RabbitMQ', () => {
  test('imports what broker export prints', async () => {
    const api = new ApiClient(RABBITMQ_MANAGEMENT_URL)
    const path = encodeURIComponent(HOST)
    try {
      const { text } = await exported()
      expect(await api.post('definitions', text)).toMatchObject({ status: 204 })
      expect((await api.get(`definitions/${path}`)).body).toMatchObject({
        queues: [{ name: 'kept', durable: true, arguments: { 'x-max-length': 9 } }],
        exchanges: [{ name: 'source', type: 'topic' }],
        bindings: [{ source: 'source', destination: 'kept', routing_key: 'a.#' }],
      })
      expect(await api.as(HASHED, 'secret').get('whoami')).toMatchObject({ body: { tags: ['monitoring'] } })
    } finally {
      await api.delete(`vhosts/${path}`)
      for (const user of [HASHED, SCRYPTED]) await api.delete(`users/${encodeURIComponent(user)}`)
    }
  })
})
