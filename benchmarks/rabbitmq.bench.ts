// The RabbitMQ transport beside amqplib alone, on the same broker, in alternating rounds.
import { connect } from 'amqplib'
import { rabbitmq } from 'waybill'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { compare } from './compare.ts'
import { RawClient } from './rabbitmq-raw.ts'
import { RawRequester } from './rabbitmq-rpc-raw.ts'
import { SeamClient } from './seam-client.ts'
import { SeamRequester } from './seam-requester.ts'

const URL_OF_BROKER = process.env['RABBITMQ_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'
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
  const seam = await SeamClient.open(rabbitmq({ url: URL_OF_BROKER }), name)
  try {
    for (const size of [100, 1_024])
      await compare({
        title: 'publish, confirm, consume, acknowledge',
        raw: 'amqplib',
        sides: { seam, raw },
        run: { messages, window: WINDOW, body: Buffer.alloc(size, 'x') },
        rounds,
        targets: { throughput: 0.9, cpu: 1.5 },
      })
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
  const seam = await SeamRequester.open(rabbitmq({ url: URL_OF_BROKER }), name)
  try {
    await compare({
      title: 'request and reply',
      raw: 'amqplib',
      sides: { seam, raw },
      run: { messages, window: IN_FLIGHT, body: Buffer.alloc(100, 'x') },
      rounds,
      targets: { throughput: 0.8, cpu: 1.5 },
    })
  } finally {
    await raw.close()
    await seam.close()
    await remove(name)
  }
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
