// `waybill broker` beside RabbitMQ on the same machine, in alternating rounds: classic durable queue, persistent messages of
// 100 B, every publish confirmed, which both do after a sync.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { amqplibLoad } from './amqplib-load.ts'
import { interval, pairs } from './pairs.ts'
import { load } from './wire-load.ts'

const RABBITMQ = new URL(process.env['RABBITMQ_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672')
const WAYBILL = fileURLToPath(new URL('../packages/waybill/src/cli/main.ts', import.meta.url))
const SECONDS = 4
const WINDOW = 1_000

export async function serverBench(rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const broker = spawn(process.execPath, [WAYBILL, 'broker', '--port', '0', '--data', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = (await once(broker.stdout, 'data')) as [Buffer] // a line, once it listens
    const ours = Number(/:(\d+)\s*$/.exec(line.toString())?.[1])
    const theirs = Number(RABBITMQ.port || 5672)
    await rawBench(rounds, ours, theirs)
    await amqplibBench(rounds, ours, theirs)
  } finally {
    broker.kill()
    await once(broker, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
}

async function rawBench(rounds: number, ours: number, theirs: number): Promise<void> {
  const run = (port: number) => load({ port, seconds: SECONDS, window: WINDOW, bodyBytes: 100 })
  const results = await pairs(
    rounds,
    () => run(ours),
    () => run(theirs),
  )
  console.log(`raw frames, window ${WINDOW}, 100 B, persistent, ${rounds} pairs of ${SECONDS} s`)
  print(
    'waybill broker /s',
    results.map(({ a }) => a.confirmedPerSecond),
    0,
  )
  print(
    'RabbitMQ /s',
    results.map(({ b }) => b.confirmedPerSecond),
    0,
  )
  print(
    'ratio (target >= 2)',
    results.map(({ a, b }) => a.confirmedPerSecond / b.confirmedPerSecond),
    2,
  )
  print(
    'waybill confirm p99 ms',
    results.map(({ a }) => a.confirmMs.p99),
    1,
  )
  print(
    'RabbitMQ confirm p99 ms',
    results.map(({ b }) => b.confirmMs.p99),
    1,
  )
  print(
    'ratio (target < 1)',
    results.map(({ a, b }) => a.confirmMs.p99 / b.confirmMs.p99),
    2,
  )
}

async function amqplibBench(rounds: number, ours: number, theirs: number): Promise<void> {
  const results = await pairs(
    rounds,
    () => amqplibLoad(ours, SECONDS, WINDOW),
    () => amqplibLoad(theirs, SECONDS, WINDOW),
  )
  console.log(`amqplib publishes and consumes, window ${WINDOW}, 100 B, persistent, ${rounds} pairs of ${SECONDS} s`)
  print(
    'waybill broker /s',
    results.map(({ a }) => a.perSecond),
    0,
  )
  print(
    'RabbitMQ /s',
    results.map(({ b }) => b.perSecond),
    0,
  )
  print(
    'ratio (target >= 2)',
    results.map(({ a, b }) => a.perSecond / b.perSecond),
    2,
  )
  print(
    'client of waybill, cores',
    results.map(({ a }) => a.clientCpu),
    2,
  )
  print(
    'client of RabbitMQ, cores',
    results.map(({ b }) => b.clientCpu),
    2,
  )
}

function print(label: string, values: readonly number[], digits: number): void {
  console.log(`  ${label.padEnd(28)}${interval(values, digits)}`)
}
