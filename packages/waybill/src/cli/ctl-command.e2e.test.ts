// `waybill ctl` on a broker process that runs: what scripts written for rabbitmqctl do, and read.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, type ChannelModel } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { runCtl } from './ctl-command.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'waybill-ctl-'))
const dir = join(home, 'data')
let broker: ChildProcess
let amqpUrl = ''
let managementUrl = ''

beforeAll(async () => {
  const args = ['broker', '--port', '0', '--data', dir, '--management-port', '0']
  const env = { ...process.env, NODE_NO_WARNINGS: '1' }
  broker = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  broker.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text))
  await vi.waitFor(() => expect(said).toMatch(/^listening \S+\nmanagement \S+\n$/), { timeout: 10_000 })
  ;[, amqpUrl = '', managementUrl = ''] = /listening (\S+)\nmanagement (\S+)/.exec(said) ?? []
})

afterAll(async () => {
  broker.kill('SIGTERM')
  await once(broker, 'exit')
  rmSync(home, { recursive: true, force: true })
})

interface Said {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** In this process: a process for each verb would take most of the test's time. */
async function ctl(...args: string[]): Promise<Said> {
  const [out, error]: [string[], string[]] = [[], []]
  const output = { print: (line: string) => void out.push(line), complain: (text: string) => void error.push(text) }
  const code = await runCtl(['--data', dir, ...args], systemRuntime(), output)
  return { code, out: out.join('\n'), error: error.join('\n') }
}

async function client(user = 'guest', password = 'guest', vhost = '/'): Promise<ChannelModel> {
  const { hostname, port } = new URL(amqpUrl)
  const connection = await connect(
    { protocol: 'amqp', hostname, port: Number(port), username: user, password, vhost },
    { clientProperties: { connection_name: 'by ctl' } },
  )
  connection.on('error', () => {})
  return connection
}

test('the command itself prints, and exits with the code', async () => {
  const run = async (...args: string[]): Promise<Said> => {
    const child = spawn(process.execPath, [MAIN, 'ctl', ...args], { env: { ...process.env, NODE_NO_WARNINGS: '1' } })
    const said = { out: '', error: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.error += text))
    await once(child, 'close')
    return { code: child.exitCode ?? -1, ...said }
  }
  // The first who asks has to wait until the broker has opened its API.
  expect(await run('list_vhosts', '-q', '-n', 'rabbit@host', '--data', dir)).toEqual({
    code: 0,
    out: 'name\n/\n',
    error: '',
  })
  expect(await run('delete_user', 'nobody', '--data', dir)).toMatchObject({
    code: 67,
    error: 'Error:\nUser "nobody" does not exist\n',
  })
})

test('ping finds the broker of the folder; without one it says so', async () => {
  expect(await ctl('ping')).toMatchObject({ code: 0, out: 'Ping succeeded' })
  expect(await ctl('status')).toMatchObject({
    code: 0,
    out: expect.stringContaining(`OS PID: ${broker.pid}`) as string,
  })
  expect(await ctl('ping', '--data', join(home, 'nowhere'))).toMatchObject({
    code: 69,
    error: expect.stringContaining('no broker runs') as string,
  })
})

test('wrong words are exit code 64', async () => {
  expect(await ctl('frobnicate')).toMatchObject({ code: 64, error: expect.stringContaining('list_queues') as string })
  expect(await ctl('add_user', 'one')).toMatchObject({
    code: 64,
    error: expect.stringContaining('not enough') as string,
  })
  expect(await ctl('ping', 'one')).toMatchObject({ code: 64 })
  expect(await ctl('ping', '--priority', '1')).toMatchObject({ code: 64 })
  expect(await ctl('list_queues', 'wurst')).toMatchObject({
    code: 64,
    error: expect.stringContaining('Info key(s) wurst are not supported') as string,
  })
})

test('users come, change and go, and can do what they are permitted', async () => {
  expect(await ctl('add_user', 'ada', 'one')).toMatchObject({ code: 0 })
  expect(await ctl('add_user', 'ada', 'one')).toMatchObject({ code: 70, error: 'Error:\nUser "ada" already exists' })
  expect(await ctl('authenticate_user', 'ada', 'one')).toMatchObject({ code: 0 })
  expect(await ctl('authenticate_user', 'ada', 'two')).toMatchObject({ code: 65 })
  expect(await ctl('change_password', 'ada', 'two')).toMatchObject({ code: 0 })
  expect(await ctl('set_user_tags', 'ada', 'management', 'monitoring')).toMatchObject({ code: 0 })
  expect(await ctl('authenticate_user', 'ada', 'two')).toMatchObject({ code: 0 })
  expect(await ctl('list_users', '-q')).toMatchObject({
    out: 'user\ttags\nada\t[management, monitoring]\nguest\t[administrator]',
  })
  expect(await ctl('add_vhost', 'side')).toMatchObject({ code: 0, out: 'Adding vhost "side" ...' })
  await expect(client('ada', 'two', 'side')).rejects.toThrow('ConnectionClose')
  expect(await ctl('set_permissions', '-p', 'side', 'ada', '.*', '', '^r')).toMatchObject({ code: 0 })
  await (await client('ada', 'two', 'side')).close()
  expect((await ctl('list_permissions', '-p', 'side', '-q')).out).toBe('user\tconfigure\twrite\tread\nada\t.*\t\t^r')
  expect((await ctl('list_user_permissions', 'ada', '-s')).out).toBe('side\t.*\t\t^r')
  await ctl('set_topic_permissions', '-p', 'side', 'ada', 'amq.topic', '^a', '^b')
  expect((await ctl('list_topic_permissions', '-p', 'side', '-s')).out).toBe('ada\tamq.topic\t^a\t^b')
  expect(await ctl('clear_topic_permissions', '-p', 'side', 'ada')).toMatchObject({ code: 0 })
  expect((await ctl('list_user_topic_permissions', 'ada', '-q')).out).toBe('')
  expect(await ctl('clear_permissions', '-p', 'side', 'ada')).toMatchObject({ code: 0 })
  expect(await ctl('set_permissions', 'nobody', '', '', '')).toMatchObject({ code: 67 })
  expect((await ctl('list_vhosts', '-q')).out).toBe('name\n/\nside')
  expect(await ctl('delete_vhost', 'side')).toMatchObject({ code: 0 })
  expect(await ctl('delete_vhost', 'side')).toMatchObject({ code: 65 })
  expect(await ctl('delete_user', 'ada')).toMatchObject({ code: 0 })
  expect(await ctl('delete_user', 'ada')).toMatchObject({ code: 67 })
})

describe('with a client', () => {
  let connection: ChannelModel
  let closed: Promise<unknown[]>
  beforeAll(async () => {
    connection = await client()
    closed = once(connection, 'close')
    const channel = await connection.createChannel()
    await channel.assertQueue('listed', { arguments: { 'x-max-length': 9 } })
    await channel.assertExchange('source', 'topic')
    await channel.bindQueue('listed', 'source', 'a.#', { n: 'x' })
    await channel.prefetch(5)
    channel.sendToQueue('listed', Buffer.from('one'))
    await channel.consume('listed', () => {}, { consumerTag: 'tag' })
    await channel.checkQueue('listed')
  })

  test('lists show what there is, in columns that scripts read', async () => {
    expect((await ctl('list_queues', '-q', 'name', 'messages', 'consumers', 'arguments')).out).toBe(
      'name\tmessages\tconsumers\targuments\nlisted\t1\t1\t[{"x-max-length",9}]',
    )
    expect(JSON.parse((await ctl('list_queues', '--formatter', 'json')).out)).toEqual([{ name: 'listed', messages: 1 }])
    expect((await ctl('list_exchanges', '-s')).out.split('\n')).toContain('source\ttopic')
    expect((await ctl('list_bindings', '-s')).out.split('\n')).toContain(
      'source\texchange\tlisted\tqueue\ta.#\t[{"n","x"}]',
    )
    expect((await ctl('list_consumers', '-s')).out).toMatch(/^listed\t<\S+>\ttag\ttrue\t5\ttrue\t\[\]$/)
    expect((await ctl('list_channels', '-s')).out).toMatch(/^<\S+>\tguest\t1\t1$/)
    const connections = await ctl('list_connections', '-q', 'pid', 'peer_port', 'client_properties')
    expect(connections.out).toMatch(
      /^pid\tpeer_port\tclient_properties\n<\S+>\t\d+\t\[.*"connection_name","by ctl".*\]$/,
    )
  })

  test('policies hold for what they match', async () => {
    const policy = ['set_policy', '--priority', '2', '--apply-to', 'queues', 'limit', '^listed$', '{"max-length":7}']
    expect(await ctl(...policy)).toMatchObject({ code: 0 })
    expect((await ctl('list_policies', '-q')).out).toBe(
      'vhost\tname\tpattern\tapply-to\tdefinition\tpriority\n/\tlimit\t^listed$\tqueues\t{"max-length":7}\t2',
    )
    expect((await ctl('list_queues', '-s', 'name', 'policy', 'effective_policy_definition')).out).toBe(
      'listed\tlimit\t[{"max-length",7}]',
    )
    expect(await ctl('set_policy', 'limit', '(', '{"max-length":7}')).toMatchObject({ code: 69 })
    expect(await ctl('set_policy', 'limit', '^x', 'nonsense')).toMatchObject({ code: 65 })
    expect(await ctl('clear_policy', 'limit')).toMatchObject({ code: 0 })
    expect(await ctl('clear_policy', 'limit')).toMatchObject({ code: 69 })
  })

  test('close_connection takes what list_connections gave', async () => {
    const pid = (await ctl('list_connections', '-s', 'pid')).out
    expect(await ctl('close_connection', pid, 'Closed via ctl')).toMatchObject({ code: 0 })
    expect(await closed).toMatchObject([{ code: 320, message: expect.stringContaining('Closed via ctl') as string }])
    const other = await client()
    const otherClosed = once(other, 'close')
    expect(await ctl('close_all_connections', 'all of them')).toMatchObject({
      out: expect.stringContaining('Closed 1 connections') as string,
    })
    expect(await otherClosed).toMatchObject([{ code: 320 }])
  })

  test('queues are purged and deleted', async () => {
    expect(await ctl('purge_queue', 'listed')).toMatchObject({ code: 0 })
    expect((await ctl('list_queues', '-s')).out).toBe('listed\t0')
    expect(await ctl('purge_queue', 'nowhere')).toMatchObject({ code: 69 })
    expect(await ctl('delete_queue', 'listed', '--if-empty')).toMatchObject({ code: 0 })
    expect(await ctl('delete_queue', 'listed')).toMatchObject({ code: 64, error: 'Error:\nQueue not found' })
  })
})

test('stop_app and start_app: clients are told, what is durable comes back, what is not has gone', async () => {
  const connection = await client()
  const closed = once(connection, 'close')
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('durable', { durable: true })
  await channel.assertQueue('transient', { durable: false })
  channel.sendToQueue('durable', Buffer.from('kept'), { persistent: true })
  await channel.waitForConfirms()
  expect(await ctl('stop_app')).toMatchObject({ code: 0 })
  expect(await closed).toMatchObject([{ code: 320 }])
  await expect(client()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(await ctl('list_queues')).toMatchObject({ code: 69, error: expect.stringContaining('stopped') as string })
  expect(await ctl('stop_app')).toMatchObject({ code: 0 })
  expect(await ctl('start_app')).toMatchObject({ code: 0 })
  expect(await ctl('start_app')).toMatchObject({ code: 0 })
  expect((await ctl('list_queues', '-s')).out).toBe('durable\t1')
  await (await client()).close()
  await ctl('delete_queue', 'durable')
})

test('set_vm_memory_high_watermark holds publishers back, and lets them go on', async () => {
  const connection = await client()
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('held', { exclusive: true })
  const blocked = once(connection, 'blocked')
  expect(await ctl('set_vm_memory_high_watermark', '0.0000001')).toMatchObject({ code: 0 })
  channel.sendToQueue('held', Buffer.from('one'))
  await blocked
  expect((await ctl('status')).out).toContain('Alarms: memory')
  expect((await ctl('list_connections', '-s', 'state')).out).toBe('blocked')
  const unblocked = once(connection, 'unblocked')
  expect(await ctl('set_vm_memory_high_watermark', 'absolute', '999GiB')).toMatchObject({ code: 0 })
  await unblocked
  await channel.waitForConfirms()
  expect(await ctl('eval', 'rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).')).toMatchObject({
    out: 'ok',
  })
  expect((await ctl('status')).out).toContain('Alarms: memory')
  expect(await ctl('eval', 'rabbit_alarm:clear_alarm({resource_limit, memory, node()}).')).toMatchObject({ code: 0 })
  expect(await ctl('eval', 'init:stop().')).toMatchObject({ code: 64 })
  expect(await ctl('set_vm_memory_high_watermark', 'much')).toMatchObject({ code: 64 })
  await connection.close()
})

test('definitions go out to a file and come in again', async () => {
  const file = join(home, 'definitions.json')
  await ctl('add_vhost', 'exported')
  expect(await ctl('export_definitions', file)).toMatchObject({ code: 0 })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ vhosts: [{ name: '/' }, { name: 'exported' }] })
  await ctl('delete_vhost', 'exported')
  expect(await ctl('import_definitions', file)).toMatchObject({ code: 0 })
  expect((await ctl('list_vhosts', '-s')).out).toBe('/\nexported')
  writeFileSync(file, 'nonsense')
  expect(await ctl('import_definitions', file)).toMatchObject({ code: 65 })
})

test('--management-url asks elsewhere, as a user of the broker', async () => {
  const asGuest = managementUrl.replace('://', '://guest:guest@')
  expect(await ctl('list_vhosts', '-s', '--management-url', asGuest)).toMatchObject({ code: 0 })
  expect(await ctl('ping', '--management-url', managementUrl.replace('://', '://guest:wrong@'))).toMatchObject({
    code: 67,
  })
  expect(await ctl('ping', '--management-url', 'amqp://127.0.0.1')).toMatchObject({ code: 64 })
})
