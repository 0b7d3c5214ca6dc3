// The RabbitMQ transport beside amqplib alone, on the same broker, in alternating rounds.
import { connect } from 'amqplib'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { interval, pairs } from './pairs.ts'
import { RawClient } from './rabbitmq-raw.ts'
import { RawRequester } from './rabbitmq-rpc-raw.ts'
import { SeamRequester } from './rabbitmq-rpc-seam.ts'
import { measured, type Measure } from './rabbitmq-run.ts'
import { SeamClient } from './rabbitmq-seam.ts'

const URL_OF_BROKER = process.env['WAYBILL_RABBITMQ_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'
const WINDOW = 256
const IN_FLIGHT = 64

export async function rabbitmqBench(rounds: number, messages = 10_000): Promise<void> {
  await streamBench(rounds, messages)
  await requestBench(rounds, messages / 2)
}

async function streamBench(rounds: number, messages: number): Promise<void> {
  const runtime = systemRuntime()
  const name = `waybill-bench-${runtime.newId()}`
  const raw = await RawClient.open(URL_OF_BROKER, `${name}-raw`, () => runtime.newId())
  const seam = await SeamClient.open(URL_OF_BROKER, name)
  try {
    for (const size of [100, 1_024]) {
      const run = { messages, window: WINDOW, body: Buffer.alloc(size, 'x') }
      const results = await pairs(
        rounds,
        () => measured(messages, () => seam.run(run)),
        () => measured(messages, () => raw.run(run)),
      )
      report(
        `publish, confirm, consume, acknowledge: ${size} B, window ${WINDOW}, ${rounds} pairs of ${messages}`,
        results,
        0.9,
      )
    }
  } finally {
    await raw.close()
    await seam.close()
    await remove(name)
  }
}

async function requestBench(rounds: number, messages: number): Promise<void> {
  const runtime = systemRuntime()
  const name = `waybill-bench-${runtime.newId()}`
  const raw = await RawRequester.open(URL_OF_BROKER, `${name}-raw`, () => runtime.newId())
  const seam = await SeamRequester.open(URL_OF_BROKER, name)
  try {
    const run = { messages, window: IN_FLIGHT, body: Buffer.alloc(100, 'x') }
    const results = await pairs(
      rounds,
      () => measured(messages, () => seam.run(run)),
      () => measured(messages, () => raw.run(run)),
    )
    report(`request and reply: 100 B, ${IN_FLIGHT} in flight, ${rounds} pairs of ${messages}`, results, 0.8)
  } finally {
    await raw.close()
    await seam.close()
    await remove(name)
  }
}

function report(title: string, results: readonly { readonly a: Measure; readonly b: Measure }[], target: number): void {
  const rows = [
    ['waybill /s', results.map(({ a }) => a.perSecond), 0],
    ['amqplib /s', results.map(({ b }) => b.perSecond), 0],
    [`ratio (target >= ${target})`, results.map(({ a, b }) => a.perSecond / b.perSecond), 2],
    ['waybill CPU s per 100,000', results.map(({ a }) => a.cpuSecondsPer100k), 2],
    ['amqplib CPU s per 100,000', results.map(({ b }) => b.cpuSecondsPer100k), 2],
    ['ratio (target <= 1.5)', results.map(({ a, b }) => a.cpuSecondsPer100k / b.cpuSecondsPer100k), 2],
  ] as const
  console.log(title)
  for (const [label, values, digits] of rows) console.log(`  ${label.padEnd(28)}${interval(values, digits)}`)
}

/** The transport deletes nothing durable; what the benchmark made goes with it. */
async function remove(channel: string): Promise<void> {
  const model = await connect(URL_OF_BROKER)
  const broker = await model.createChannel()
  for (const queue of [`${channel}:bench`, `${channel}:bench:dead`, `${channel}:answerer:dead`])
    await broker.deleteQueue(queue)
  for (const exchange of [channel, `${channel}:owner`, `${channel}:layout`, `${channel}:bench:layout`])
    await broker.deleteExchange(exchange)
  await model.close()
}

if (import.meta.main) await rabbitmqBench(Number(process.argv[2] ?? 15))
