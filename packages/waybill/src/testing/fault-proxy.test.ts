import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'

let server: Server
let served: Socket[] = []
let proxy: FaultProxy

beforeEach(async () => {
  served = []
  // Echoes everything.
  server = createServer((socket) => {
    served.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await FaultProxy.open({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
})

afterEach(async () => {
  await proxy.close()
  for (const socket of served) socket.destroy()
  server.close()
})

test('FaultProxy passes bytes both ways, and the end', async () => {
  const client = await dialled()
  client.end('hello')
  const [chunk] = (await once(client, 'data')) as [Buffer]
  expect(chunk.toString()).toBe('hello')
  await once(client, 'close')
  await vi.waitFor(() => expect(proxy.connections).toBe(0))
})

test('cut() resets both sides of every connection, and takes new ones', async () => {
  const [one, two] = [await echoing(), await echoing()]
  const closed = Promise.all([hadError(one), hadError(two)])
  proxy.cut()
  expect(await closed).toEqual([true, true])
  await vi.waitFor(() => expect(served.every((socket) => socket.destroyed)).toBe(true))
  await echoing()
})

test('refuse() refuses new connections and keeps old ones, until restore()', async () => {
  const old = await echoing()
  await proxy.refuse()
  await expect(dialled()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await echo(old, 'still here')
  await proxy.restore()
  await echoing()
})

test('stall() holds what is sent, and restore() lets it through, complete', async () => {
  const client = await echoing()
  let received = 0
  client.on('data', (chunk: Buffer) => (received += chunk.length))
  proxy.stall()
  client.write(Buffer.alloc(200_000))
  // Another connection's echo proves that time enough has passed for the bytes to have come.
  const other = await FaultProxy.open({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  await echo(await dialled(other.port), 'meanwhile')
  await other.close()
  expect(received).toBe(0)
  await proxy.restore()
  await vi.waitFor(() => expect(received).toBe(200_000))
})

test('stall() of one direction lets the other pass', async () => {
  const client = await echoing()
  const [socket] = served
  let atServer = 0
  let atClient = 0
  socket?.on('data', (chunk: Buffer) => (atServer += chunk.length))
  client.on('data', (chunk: Buffer) => (atClient += chunk.length))
  proxy.stall('to-client')
  client.write('ping')
  await vi.waitFor(() => expect(atServer).toBe(4))
  expect(atClient).toBe(0)
  await proxy.restore()
  await vi.waitFor(() => expect(atClient).toBe(4))
})

test('slow() lets so many bytes a second through', async () => {
  const client = await echoing()
  proxy.slow(20_000)
  const began = performance.now()
  let received = 0
  client.on('data', (chunk: Buffer) => (received += chunk.length))
  client.write(Buffer.alloc(4_000))
  await vi.waitFor(() => expect(received).toBe(4_000), { timeout: 5_000 })
  // 4,000 bytes at 20,000 a second; a timer may be late, never early.
  expect(performance.now() - began).toBeGreaterThan(190)
})

test('halfOpen() takes one side away without telling the other, and swallows what it sends', async () => {
  const client = await echoing()
  const [socket] = served
  proxy.halfOpen('target')
  await vi.waitFor(() => expect(socket?.destroyed).toBe(true))
  await new Promise<void>((resolve, reject) => {
    client.write(Buffer.alloc(2_000_000), (error) => (error ? reject(error) : resolve()))
  })
  expect(client.destroyed).toBe(false)
  expect(client.readableEnded).toBe(false)
  client.end()
  await vi.waitFor(() => expect(proxy.connections).toBe(0))
  await echoing()
})

async function dialled(port = proxy.port): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  return socket
}

function hadError(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.once('close', resolve))
}

async function echoing(): Promise<Socket> {
  const socket = await dialled()
  await echo(socket, 'hello')
  return socket
}

async function echo(socket: Socket, text: string): Promise<void> {
  const answer = once(socket, 'data')
  socket.write(text)
  const [chunk] = (await answer) as [Buffer]
  expect(chunk.toString()).toBe(text)
}
