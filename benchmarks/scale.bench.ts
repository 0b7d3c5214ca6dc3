// How far one `waybill broker` goes on one machine: many connections and queues, and one queue with very many messages.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { METHOD } from '../packages/waybill/src/broker/wire/methods/method-ids.ts'
import { median } from './pairs.ts'
import { consumeAll, publishAll } from './wire-flows.ts'
import { Peer, encodedPublish } from './wire-peer.ts'

const WAYBILL = fileURLToPath(new URL('../packages/waybill/src/cli/main.ts', import.meta.url))
const CONNECTIONS = 1_000
const QUEUES_EACH = 10
const DEEP = 'deep'
const BODY_BYTES = 100
/** Unconfirmed at a time, while a queue is being filled. */
const FILL_WINDOW = 20_000
const FILL_BURST = 1_000
const IDLE_SECONDS = 10
const FLOW_MESSAGES = 300_000
const FLOW_WINDOW = 2_000

/** @param messages in the deep queue */
export async function scaleBench(messages: number, rounds: number): Promise<void> {
  await inFolder(manyQueues)
  await inFolder((folder) => deepQueue(folder, messages, rounds))
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  try {
    await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Every connection declares its queues, puts a message into each, and consumes them. */
async function manyQueues(folder: string): Promise<void> {
  const broker = await Served.start(folder)
  print(`${CONNECTIONS} connections, ${CONNECTIONS * QUEUES_EACH} durable queues, a message in each, consumed`)
  const empty = broker.residentMegabytes
  const peers: Peer[] = []
  let began = performance.now()
  for (let n = 0; n < CONNECTIONS; n++) peers.push(await Peer.open(broker.port))
  print('  connect, s', (performance.now() - began) / 1_000)
  print('  memory a connection, KB', ((broker.residentMegabytes - empty) * 1_000) / CONNECTIONS)
  began = performance.now()
  await Promise.all(peers.map((peer, n) => declareAndFill(peer, n)))
  const perSecond = (CONNECTIONS * QUEUES_EACH * 1_000) / (performance.now() - began)
  print('  declared and filled, queues/s', perSecond)
  let received = 0
  for (const peer of peers) {
    peer.onMethod = (method, bytes, start) => {
      if (method !== METHOD.basicDeliver) return
      received++
      peer.ack(Number(bytes.readBigUInt64BE(start + 1 + (bytes[start] ?? 0))), false)
    }
  }
  began = performance.now()
  await Promise.all(peers.map((peer, n) => consumeOwn(peer, n)))
  while (received < CONNECTIONS * QUEUES_EACH) await delay(10)
  print('  consumed, s', (performance.now() - began) / 1_000)
  print('  memory, MB', broker.residentMegabytes)
  await delay(2_000)
  const before = broker.cpuSeconds
  await delay(IDLE_SECONDS * 1_000)
  print('  CPU while nothing happens, % of a core', ((broker.cpuSeconds - before) / IDLE_SECONDS) * 100)
  for (const peer of peers) peer.socket.destroy()
  const seconds = await broker.restart()
  print('  restart, s', seconds)
  await broker.end()
}

async function declareAndFill(peer: Peer, n: number): Promise<void> {
  await peer.selectConfirms()
  let confirmed = 0
  peer.onMethod = (method, bytes, start) => {
    if (method === METHOD.basicAck) confirmed = Math.max(confirmed, Number(bytes.readBigUInt64BE(start)))
  }
  for (let q = 0; q < QUEUES_EACH; q++) {
    await peer.declare(`q${n}-${q}`)
    peer.socket.write(encodedPublish(`q${n}-${q}`, BODY_BYTES))
  }
  while (confirmed < QUEUES_EACH) await delay(5)
}

async function consumeOwn(peer: Peer, n: number): Promise<void> {
  for (let q = 0; q < QUEUES_EACH; q++) await peer.consume(`q${n}-${q}`, 10, `c${q}`)
}

async function deepQueue(folder: string, messages: number, rounds: number): Promise<void> {
  const broker = await Served.start(folder)
  print(`${messages} messages of ${BODY_BYTES} B in one durable queue`)
  const shallow = await flows(rounds, broker.port, 'shallow')
  const publisher = await Peer.open(broker.port)
  await publisher.declare(DEEP)
  const began = performance.now()
  const most = await fill(publisher, messages, () => broker.residentMegabytes)
  print('  filled, messages/s', (messages * 1_000) / (performance.now() - began))
  publisher.socket.destroy()
  print('  memory while it was filled, at most, MB', most)
  report('deep', shallow, await flows(rounds, broker.port, DEEP))
  print('  memory, MB', broker.residentMegabytes)
  print('  restart, s', await broker.restart())
  print('  memory, MB', broker.residentMegabytes)
  report('restarted', shallow, await flows(rounds, broker.port, DEEP))
  print('  memory, MB', broker.residentMegabytes)
  const deleter = await Peer.open(broker.port)
  const deleting = performance.now()
  await deleter.delete(DEEP)
  print('  deleted, s', (performance.now() - deleting) / 1_000)
  deleter.socket.destroy()
  await broker.end()
}

interface Flows {
  readonly publish: number
  readonly consume: number
}

/** Messages per second, in and then out again. */
async function flows(rounds: number, port: number, queue: string): Promise<Flows> {
  const flow = { port, queue, messages: FLOW_MESSAGES, bodyBytes: BODY_BYTES, window: FLOW_WINDOW }
  const [publish, consume]: [number[], number[]] = [[], []]
  for (let round = 0; round <= rounds; round++) {
    publish.push(await publishAll(flow))
    consume.push(await consumeAll(flow))
  }
  // The first round warms up.
  return { publish: median(publish.slice(1)), consume: median(consume.slice(1)) }
}

function report(what: string, shallow: Flows, deep: Flows): void {
  for (const flow of ['publish', 'consume'] as const) {
    print(`  ${flow}, queue otherwise empty, messages/s`, shallow[flow])
    print(`  ${flow}, ${what}, messages/s`, deep[flow])
    print(`  ${flow}, ratio (target >= 0.7)`, deep[flow] / shallow[flow], 2)
  }
}

/** Publishes as fast as confirms come; returns the most memory that the broker had. */
async function fill(publisher: Peer, messages: number, memory: () => number): Promise<number> {
  await publisher.selectConfirms()
  const burst = Buffer.concat(Array.from({ length: FILL_BURST }, () => encodedPublish(DEEP, BODY_BYTES)))
  let [sent, confirmed, most] = [0, 0, 0]
  return new Promise((resolve) => {
    const pump = (): void => {
      for (; sent < messages && sent - confirmed <= FILL_WINDOW - FILL_BURST; sent += FILL_BURST)
        publisher.socket.write(burst)
    }
    const timer = setInterval(() => {
      most = Math.max(most, memory())
      if (confirmed < messages) return
      clearInterval(timer)
      resolve(most)
    }, 200)
    publisher.onMethod = (method, bytes, start) => {
      if (method !== METHOD.basicAck) return
      confirmed = Math.max(confirmed, Number(bytes.readBigUInt64BE(start)))
      pump()
    }
    pump()
  })
}

/** A broker process. */
class Served {
  readonly #folder: string
  #process: ChildProcess
  port: number

  private constructor(folder: string, process: ChildProcess, port: number) {
    this.#folder = folder
    this.#process = process
    this.port = port
  }

  static async start(folder: string): Promise<Served> {
    const { process, port } = await started(folder)
    return new Served(folder, process, port)
  }

  get residentMegabytes(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_000
  }

  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Seconds from the start of the next process until it listens. */
  async restart(): Promise<number> {
    await this.end()
    const began = performance.now()
    const { process, port } = await started(this.#folder)
    this.#process = process
    this.port = port
    return (performance.now() - began) / 1_000
  }

  async end(): Promise<void> {
    const exit = once(this.#process, 'exit')
    this.#process.kill()
    await exit
  }
}

async function started(folder: string): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, [WAYBILL, 'broker', '--port', '0', '--data', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer] // a line, once it listens
  return { process: child, port: Number(/:(\d+)\s*$/.exec(line.toString())?.[1]) }
}

function print(label: string, value?: number, digits = 1): void {
  console.log(value === undefined ? label : `${label.padEnd(52)}${value.toFixed(digits)}`)
}
