// `waybill broker` as users and supervisors meet it: one line, one error, exit codes.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { readAnnouncement } from '../broker/process/announcement-file.ts'
import { flipABit } from '../broker/store/flip-a-bit.test-support.ts'
import { createBus } from '../bus/create-bus.ts'
import { silentLogger } from '../bus/observation/logger.ts'
import { contract, document, type } from '../contract/contract.ts'
import { CertificateAuthority } from '../testing/servers/certificate-authority.ts'
import { embedded } from '../transports/embedded/embedded.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'waybill-broker-'))
const running: ChildProcess[] = []
afterAll(() => {
  running.forEach((child) => child.kill('SIGKILL'))
  rmSync(home, { recursive: true, force: true })
})

const work = contract('work', { job: document(type<{ n: number }>()) })
const quiet = { logger: silentLogger, drainOn: [] } as const

interface Command {
  readonly child: ChildProcess
  /** What it has said so far. */
  readonly said: { stdout: string; stderr: string }
  readonly exited: Promise<unknown>
}

function waybill(args: readonly string[], env: NodeJS.ProcessEnv = {}): Command {
  const child = spawn(process.execPath, [MAIN, 'broker', ...args], {
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  return { child, said, exited: once(child, 'close') }
}

/** The address that it prints once it is ready. */
async function listening({ said }: Command): Promise<string> {
  await vi.waitFor(() => expect(said.stdout + said.stderr).toMatch(/\n$/), { timeout: 10_000 })
  const [, url] = /^listening (amqps?:\/\/\S+)\n$/.exec(said.stdout) ?? []
  if (url === undefined) throw new Error(said.stdout + said.stderr)
  return url
}

/** How it fails to start. */
async function failing(
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<{ code: number | null; error: string }> {
  const { child, said, exited } = waybill(args, env)
  await exited
  expect(said.stdout).toBe('')
  return { code: child.exitCode, error: said.stderr }
}

describe.concurrent('waybill broker', () => {
  test('says one line when it is ready, serves clients and the services of its folder, and drains on SIGTERM', async () => {
    const dir = join(home, 'data')
    const broker = waybill(['--port', '0', '--data', dir])
    const url = await listening(broker)
    expect(url).toMatch(/^amqp:\/\/127\.0\.0\.1:\d+$/)
    const client = await connect(url.replace('://', '://guest:guest@'))
    const channel = await client.createChannel()
    await channel.assertQueue('plain', { durable: true })
    {
      await using bus = await createBus({ ...quiet, transport: embedded({ dir }), declare: [work.job] })
      await bus.send(work.job, { n: 1 })
      expect(await channel.checkQueue('work.job')).toMatchObject({ messageCount: 1 })
    }
    const closed = once(client, 'close')
    broker.child.kill('SIGTERM')
    expect(await closed).toMatchObject([{ code: 320 }])
    await broker.exited
    expect(broker.child.exitCode).toBe(0)
    expect(broker.said).toEqual({ stdout: `listening ${url}\n`, stderr: '' })
    expect(readAnnouncement(dir)).toEqual({ state: 'absent' })
  })

  test('lets nobody in with another password, and with --user not even guest', async () => {
    const open = await listening(waybill(['--port', '0', '--data', join(home, 'open')]))
    await expect(connect(open.replace('://', '://guest:wrong@'))).rejects.toThrow('403')
    const args = ['--port', '0', '--data', join(home, 'closed'), '--user', 'me']
    const closed = await listening(waybill(args, { WAYBILL_BROKER_PASSWORD: 'secret' }))
    await expect(connect(closed.replace('://', '://guest:guest@'))).rejects.toThrow('403')
    const client = await connect(closed.replace('://', '://me:secret@'))
    await client.close()
    expect(await failing(args)).toMatchObject({ code: 2, error: expect.stringContaining('PASSWORD') as string })
  })

  test('serves over TLS', async () => {
    const authority = await CertificateAuthority.create(home, 'authority')
    const { certificateFile, keyFile } = await authority.forServer('broker', ['IP:127.0.0.1'])
    const args = ['--port', '0', '--data', join(home, 'tls'), '--tls-cert', certificateFile, '--tls-key', keyFile]
    const url = await listening(waybill(args))
    expect(url).toMatch(/^amqps:/)
    const client = await connect(url.replace('://', '://guest:guest@'), { ca: [Buffer.from(authority.certificate)] })
    await client.close()
    expect(await failing([...args.slice(0, -1), join(home, 'missing.key')])).toMatchObject({
      code: 2,
      error: expect.stringContaining('missing.key') as string,
    })
  })

  test('tells apart by its exit code why it cannot start, with one error', async () => {
    const dir = join(home, 'used')
    const broker = waybill(['--port', '0', '--data', dir])
    const url = await listening(broker)
    expect(await failing(['--port', '0', '--data', dir])).toMatchObject({
      code: 3,
      error: expect.stringMatching(`^WAYBILL_STORE_IN_USE: .* process ${broker.child.pid}`) as string,
    })
    expect(await failing(['--port', new URL(url).port, '--data', join(home, 'other')])).toMatchObject({
      code: 4,
      error: expect.stringMatching(/^WAYBILL_ADDRESS_IN_USE: /) as string,
    })
    const damaged = join(home, 'damaged')
    {
      const transport = embedded({ dir: damaged, inProcess: true })
      await using bus = await createBus({ ...quiet, transport, declare: [work.job] })
      for (let n = 0; n < 40; n++) await bus.send(work.job, { n })
    }
    flipABit(damaged)
    expect(await failing(['--port', '0', '--data', damaged])).toMatchObject({
      code: 5,
      error: expect.stringMatching(/^WAYBILL_STORE_DAMAGED: /) as string,
    })
    expect(await failing(['--port', '0', '--data', '/dev/null/data'])).toMatchObject({
      code: 7,
      error: expect.stringMatching(/^WAYBILL_STORE_UNWRITABLE: /) as string,
    })
    expect(await failing(['--port', 'amqp', '--data', dir])).toMatchObject({ code: 2 })
    expect(await failing(['--port', '0', '--host', '192.0.2.1', '--data', join(home, 'host')])).toMatchObject({
      error: expect.stringMatching(/192\.0\.2\.1.*\n$/) as string,
    })
  })

  test('a port that is taken leaves nothing announced', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const dir = join(home, 'taken')
    const port = typeof address === 'object' ? String(address?.port) : ''
    expect(await failing(['--port', port, '--data', dir])).toMatchObject({ code: 4 })
    expect(readAnnouncement(dir)).toEqual({ state: 'absent' })
    server.close()
  })
})
