// Hostile conversations with a broker process, over the network, beside a client that only wants its answers.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectSocket, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Conversation, Step } from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import { freePort } from '../../packages/waybill/src/testing/servers/free-port.ts'
import { Corpus } from './corpus.ts'
import { Dice } from './dice.ts'
import { conversation } from './grammar.ts'
import { mutated } from './mutations.ts'
import { GOOD_QUEUE, GoodClient } from './good-client.ts'
import { Operator } from './operator.ts'

const WAYBILL = fileURLToPath(new URL('../../packages/waybill/src/cli/main.ts', import.meta.url))
/** Conversations at a time. */
const PARALLEL = 24
/** Of the broker process. */
const MOST_RSS_MB = 700
/** For a round trip of the good client, on a machine that has other things to do. */
const MOST_ROUND_TRIP_MS = 5_000
/** Queues are deleted so often, whatever they are called: else there would soon be very many, and the disk full. */
const CLEAN_EVERY_MS = 5_000
const MOST_UNWRITTEN_OCTETS = 1024 * 1024

export async function fuzzSockets(minutes: number, seed: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-fuzz-'))
  const management = await freePort()
  const argv = [WAYBILL, 'broker', '--port', '0', '--management-port', String(management), '--data', folder]
  const broker = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(broker.stdout, 'data')) as [Buffer] // a line, once it listens
    const port = Number(/:(\d+)\s*$/.exec(line.toString())?.[1])
    return await beHostile(broker, port, new Operator(management), performance.now() + minutes * 60_000, seed)
  } finally {
    broker.kill()
    if (broker.exitCode === null) await once(broker, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
}

async function beHostile(
  broker: ChildProcess,
  port: number,
  operator: Operator,
  until: number,
  seed: number,
): Promise<boolean> {
  const problems: string[] = []
  broker.once('exit', (code, signal) => problems.push(`the broker ended with ${code ?? signal}`))
  const good = await GoodClient.open(port)
  const corpus = Corpus.read()
  let [played, mostRss, mostRoundTrip] = [0, 0, 0]
  const isOver = (): boolean => problems.length > 0 || performance.now() > until
  const hostile = async (worker: number): Promise<void> => {
    const dice = new Dice(seed * 1_000 + worker)
    while (!isOver()) {
      const base = corpus.length > 0 && dice.chance(0.5) ? dice.one(corpus) : conversation(dice)
      await perform(port, dice.chance(0.8) ? mutated(dice, base, base) : base)
      played++
    }
  }
  const watch = async (): Promise<void> => {
    let cleaned = performance.now()
    while (!isOver()) {
      const ms = await good.roundTrip()
      mostRoundTrip = Math.max(mostRoundTrip, ms)
      if (ms > MOST_ROUND_TRIP_MS) problems.push(`a round trip took ${Math.round(ms)} ms`)
      const rss = residentMegabytes(broker.pid ?? 0)
      mostRss = Math.max(mostRss, rss)
      if (rss > MOST_RSS_MB) problems.push(`the broker has ${rss} MB`)
      if (performance.now() - cleaned > CLEAN_EVERY_MS) {
        cleaned = performance.now()
        await operator.deleteQueues(GOOD_QUEUE)
      }
      await delay(50)
    }
  }
  await Promise.all([watch(), ...Array.from({ length: PARALLEL }, (_, worker) => hostile(worker))])
  if (problems.length === 0) problems.push(...(await operator.leftovers(GOOD_QUEUE)))
  await good.close()
  broker.removeAllListeners('exit')
  console.log(
    `${played} conversations; most memory ${mostRss} MB; slowest round trip of another client ${Math.round(mostRoundTrip)} ms`,
  )
  for (const problem of problems) console.log(`FOUND ${problem}`)
  return problems.length === 0
}

async function perform(port: number, steps: Conversation): Promise<void> {
  const sockets = new Map<number, Socket>()
  const socketOf = (client: number): Socket => {
    const known = sockets.get(client)
    if (known !== undefined) return known
    const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
    sockets.set(client, socket)
    // What the broker answers, and how it ends this, is not looked at here.
    socket.on('error', () => socket.destroy())
    socket.resume()
    return socket
  }
  for (const step of steps) await act(step, sockets, socketOf)
  await delay(2)
  for (const socket of sockets.values()) socket.destroy()
}

async function act(step: Step, sockets: Map<number, Socket>, socketOf: (client: number) => Socket): Promise<void> {
  if (step.what === 'turn') await delay(0)
  else if (step.what === 'wait') await delay(Math.min(step.ms, 20))
  else if (step.what === 'say') {
    const socket = socketOf(step.client)
    if (socket.writableLength < MOST_UNWRITTEN_OCTETS && !socket.destroyed && !socket.writableEnded)
      socket.write(step.octets)
  } else if (step.what === 'deafen') {
    if (step.isDeaf) sockets.get(step.client)?.pause()
    else sockets.get(step.client)?.resume()
  } else if (step.what === 'end') sockets.get(step.client)?.end()
  else if (step.what === 'break') {
    sockets.get(step.client)?.destroy()
    sockets.delete(step.client)
  }
}

function residentMegabytes(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_000)
  } catch {
    return 0
  }
}
